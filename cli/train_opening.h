#pragma once

#include <string>

#include "rl/run/run_observer.h"

namespace gradus::cli {

/// What a person reads before the first step: model, rows, folder, memory and the first prompt,
/// shortened, in lines of at most `columns`.
/// @param step, steps  done, and of the whole run.
std::string opening_block(const rl::RunOpening& opening, int64_t step, int64_t steps, int columns);

/// `text` in at most `columns` columns, the cut marked by three points; never in the middle of a
/// character.
std::string cut_to_columns(const std::string& text, int columns);

}  // namespace gradus::cli
