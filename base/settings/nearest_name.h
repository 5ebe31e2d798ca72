#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// The known name that a mistyped one most likely meant: least edit distance (insert, delete,
/// replace, swap of neighbours), case and `-` against `_` ignored; ties go to the first.
/// nullopt when none is near (more than a third of the letters differ, and more than two).
std::optional<std::string> nearest_name(std::string_view name,
                                        const std::vector<std::string>& known);

}  // namespace gradus
