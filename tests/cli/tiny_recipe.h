#pragma once

#include <string>

#include "tests/cli/program.h"

namespace gradus::cli {

/// Writes recipe.toml and what it reads into the folder: three steps of a fresh model of two layers
/// on sums, graded by accuracy and by length. @return its path
std::string write_recipe(const TemporaryFolder& folder);

}  // namespace gradus::cli
