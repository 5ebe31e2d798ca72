#pragma once

#include <filesystem>
#include <string>

namespace gradus::runs {

/// The report of a run as one HTML page that needs nothing from outside: figures, curves, what it
/// cost, completions to browse, the resolved recipe. The run may still be going on.
/// @throws FileError  no run there, or its records are damaged.
std::string report_html(const std::filesystem::path& run);

/// Writes it to RUN/report.html, whole or not at all, and returns that path.
std::filesystem::path write_report(const std::filesystem::path& run);

}  // namespace gradus::runs
