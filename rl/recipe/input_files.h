#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rl/stages/run_config.h"

namespace gradus::rl {

/// Size and CRC-64 of every file that the recipe reads, by setting: data, texts, reward code, the
/// model's config and tokenizer; of weight files the size alone, as they may be many gigabytes and
/// are not read again once a checkpoint exists.
nlohmann::json fingerprint_inputs(const RunConfig& config);

/// What differs, one phrase each ("data.path: train.jsonl changed"); files that the first one
/// does not know are left out.
std::vector<std::string> changed_inputs(const nlohmann::json& was, const nlohmann::json& is);

}  // namespace gradus::rl
