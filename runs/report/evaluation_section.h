#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace gradus::runs {

/// The problems of a run's last evaluation as HTML: prompt, gold, extracted answer, right or wrong
/// and why, completion and grades; empty where there was none.
/// @param limit  answers shown at most, whole problems from the beginning.
/// @throws FileError  its file is damaged.
std::string evaluation_html(const std::filesystem::path& run, size_t limit);

}  // namespace gradus::runs
