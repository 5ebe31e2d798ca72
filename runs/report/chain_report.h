#pragma once

#include <filesystem>

namespace gradus::runs {

/// Writes DIR/report.html: the table of a chain's stages, what became of sampled rows, gates, and
/// the report of every stage's run, each one page that needs nothing from outside. @return its
/// path.
/// @throws FileError  no chain there, or its records are damaged.
std::filesystem::path write_chain_report(const std::filesystem::path& chain);

}  // namespace gradus::runs
