#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "rl/learn/model_settings.h"

namespace gradus::rl {

/// The head of a reward model, `score.weight` [1, D], a trained parameter of the policy beside its
/// own, as transformers' *ForSequenceClassification with one label has it: the reward of a text is
/// its product with the hidden state (after the final norm) at the text's last token.

/// Adds the head to the policy's parameters: the checkpoint's where it has one, else normal(0,
/// 0.02) from the seed. Before the policy gets its optimizer.
/// @throws FileError  the checkpoint's has another shape.
void add_score_head(policy::Policy& policy, const ModelSettings& model, uint64_t seed);

/// Whether a checkpoint holds such a head.
bool has_score_head(const std::string& checkpoint);

/// Rewards [rows] of hidden states [T, D], on the CPU, float32; recorded for autograd.
/// @throws gradus::ArgumentError  the policy has no head.
at::Tensor head_rewards(policy::Policy& policy, const at::Tensor& hidden,
                        const std::vector<int64_t>& rows);

}  // namespace gradus::rl
