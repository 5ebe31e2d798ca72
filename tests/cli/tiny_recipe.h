#pragma once

#include <string>

#include "tests/cli/program.h"

namespace gradus::cli {

/// config.json of a model of two layers and 1,024 tokens.
extern const char* const kTinyModel;

/// Writes recipe.toml and what it reads into the folder: three steps of a fresh model of two layers
/// on sums, graded by accuracy and by length. @return its path
std::string write_recipe(const TemporaryFolder& folder);

}  // namespace gradus::cli
