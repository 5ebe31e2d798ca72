#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/settings/registry.h"
#include "rl/plan/stage_plan.h"

namespace gradus::rl {

/// A line of a published bill, and the stages whose plans stand beside it.
struct PublishedRow {
  std::string name;
  std::vector<std::string> stages;
  double device_hours = 0.0;
  double money = 0.0;  ///< USD
};

/// A run whose bill is known, as its own recipe and cluster.
struct PublishedRun {
  std::string_view name;
  std::string_view text;
  std::vector<StagePlanInput> (*stages)();
  std::vector<PublishedRow> (*bill)();
  const char* cluster;      ///< as parse_cluster reads it
  const char* assumptions;  ///< what was not published, in words, a line each
};

const Registry<PublishedRun>& published_runs();

/// DeepSeek-V3's shape (its config.json).
policy::ModelConfig deepseek_v3();

}  // namespace gradus::rl
