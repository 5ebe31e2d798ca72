#pragma once

#include <nlohmann/json.hpp>

#include "service/web/run_shelf.h"

namespace gradus::service {

/// A run in the list: {"id", "name", "kind", "state", "reason", "step", "steps", "model", "method",
/// "created", "updated", "reward", "accuracy"}. Never throws for what lies in its folder.
nlohmann::json run_summary(const ShelvedRun& run, RunViews& views);

/// All that is said of one run beside its curves. @throws FileError
/// @param shows_recipe  whether the reader may see all of it, paths of this machine included.
nlohmann::json run_detail(const ShelvedRun& run, RunViews& views, const JobStore& jobs,
                          bool shows_recipe);

/// {"steps": [...], "series": {"reward": [...]}} of the steps after `after`; null where a step has
/// no value. Of more than 2,000 steps each point is the mean of some, at the last one's step.
nlohmann::json run_metrics(const ShelvedRun& run, RunViews& views, int64_t after);

/// {"steps": [{"step", "parts": {"rollout": seconds}}], "waits": {"steps", "seconds":
/// {"rollout"}}}: the ledger's newest 400 steps, and the mean of each time/ figure over the
/// newest 20.
nlohmann::json run_timeline(const ShelvedRun& run, RunViews& views);

/// Replaces paths of the data directory in every text: keys of the API need not know this machine.
void hide_paths(nlohmann::json& value, const std::filesystem::path& data_dir);

}  // namespace gradus::service
