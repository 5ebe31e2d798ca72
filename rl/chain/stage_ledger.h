#pragma once

#include <filesystem>

#include "rl/run/ledger.h"

namespace gradus::rl {

/// Enters what a chain does outside of a run's steps (an evaluation, a merge, an export) into the
/// ledger of a stage, which it makes where there is none, and brings it to disk. @throws FileError
void enter_stage_cost(const std::filesystem::path& ledger, const LedgerEntry& cost,
                      const LedgerConfig& config);

}  // namespace gradus::rl
