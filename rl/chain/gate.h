#pragma once

#include <map>
#include <string>

#include "rl/chain/chain_config.h"

namespace gradus::rl {

/// Why the gate stays shut; empty: it opens. Figures have their evaluation's names, with or without
/// "eval/"; one that is not there keeps it shut.
/// @param than  the stage that `before` is of.
std::string gate_failure_of(const StageGate& gate, const std::string& than,
                            const std::map<std::string, double>& after,
                            const std::map<std::string, double>& before);

}  // namespace gradus::rl
