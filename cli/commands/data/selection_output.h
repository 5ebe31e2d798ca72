#pragma once

#include <string>
#include <vector>

#include "cli/session.h"
#include "rl/selection/selection.h"

namespace gradus::cli {

/// The prompts of JSONL files (columns prompt, question or messages).
/// @throws FileError  a row has none.
std::vector<std::string> prompts_of(const std::vector<std::string>& files);

/// "rows: 100 in, 60 kept; left out: 30 wrong, 10 choice", or one JSON object.
void say_counts(const rl::SelectionCounts& counts, bool as_json, Session& session);

}  // namespace gradus::cli
