#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "rl/stages/run_config.h"

namespace gradus::rl {

/// Size and CRC-64 of every file that the recipe reads, by setting: data, texts, the model's
/// weights, config and tokenizer, adapters, and of every rule what its options name and what
/// scripts among that are made of (rl/recipe/code_files.h); and the recipe itself, as `recipe`.
/// @throws FileError  one cannot be read.
nlohmann::json fingerprint_inputs(const RunConfig& config);

/// What differs, one phrase each ("data.path: train.jsonl changed"); files that the first one
/// does not know are left out.
std::vector<std::string> changed_inputs(const nlohmann::json& was, const nlohmann::json& is);

/// The recipe that stands in a fingerprint; nothing in one of before there was any.
/// @throws ConfigError  it has settings that are no longer known.
std::optional<RunConfig> recipe_of_inputs(const nlohmann::json& inputs);

}  // namespace gradus::rl
