#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "policy/tokenizer/jinja/meter.h"
#include "policy/tokenizer/jinja/syntax/ast.h"

namespace gradus::policy::jinja {

/// Renders a parsed template with its variables. No state is kept between calls, so that any
/// number of threads may render one template.
/// @throws gradus::Error  with line and column: an undefined name is used, types do not fit, the
///         template itself refuses (raise_exception), or the budget is spent.
std::string evaluate(const Statement::Body& body,
                     std::vector<std::pair<std::string, Value>> variables,
                     std::chrono::system_clock::time_point now, const Budget& budget);

}  // namespace gradus::policy::jinja
