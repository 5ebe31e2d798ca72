#pragma once

#include <string_view>

namespace gradus::rl {

/// "algebra" of "eval/algebra/accuracy"; empty: the figure is not the accuracy of one of eval.sets.
std::string_view set_of_accuracy(std::string_view metric);

/// Whether a set may have that name: no figure of an evaluation is called so.
bool is_free_set_name(std::string_view name);

}  // namespace gradus::rl
