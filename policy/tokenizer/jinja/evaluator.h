#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/ast.h"

namespace gradus::policy::jinja {

/// Bounds on one rendering. A template that needs more is at fault, not the messages.
struct Budget {
  int64_t steps = 20'000'000;           ///< evaluated nodes, and items and bytes / 16 walked over
  int64_t output_bytes = 64LL << 20;    ///< of text written
  int64_t working_bytes = 512LL << 20;  ///< of strings made on the way, all together
  int macro_depth = 40;
};

/// Renders a parsed template with its variables. No state is kept between calls, so that any
/// number of threads may render one template.
/// @throws gradus::Error  with line and column: an undefined name is used, types do not fit, the
///         template itself refuses (raise_exception), or the budget is spent.
std::string evaluate(const Statement::Body& body,
                     std::vector<std::pair<std::string, Value>> variables,
                     std::chrono::system_clock::time_point now, const Budget& budget);

}  // namespace gradus::policy::jinja
