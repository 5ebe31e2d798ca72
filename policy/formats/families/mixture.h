#pragma once

#include <string_view>

#include "policy/formats/families/family.h"

namespace gradus::policy {

/// How many experts a layer has, under the family's own name or the one that transformers 5 writes
/// for all, num_local_experts.
int64_t read_num_experts(const ConfigFields& fields, std::string_view own_key);

/// num_experts_per_tok, which `available` experts bound.
/// @param limit  what bounds it, for the message: "num_experts 8".
int64_t read_experts_per_token(const ConfigFields& fields, int64_t available,
                               const std::string& limit);

/// Bounds a checkpoint's list of tensors, which holds every expert of every layer.
void check_expert_count(const ConfigFields& fields, const ModelConfig& config,
                        std::string_view key);

}  // namespace gradus::policy
