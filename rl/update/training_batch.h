#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "rl/algorithms/aggregation.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/collect/group.h"
#include "rl/learn/pack.h"

namespace gradus::rl {

/// One completion that is trained on.
struct TrainingSequence {
  int32_t group = 0;
  int32_t completion = 0;
  double advantage = 0.0;
  bool is_right = false;    ///< its reward is positive
  bool is_live = true;      ///< counts in the loss; false: masked as truncated
  bool is_computed = true;  ///< goes through the model; false: left out by skip_zero_advantage
  int64_t first_token = 0;  ///< place in the arrays over tokens
  int64_t num_tokens = 0;
  int64_t num_live = 0;            ///< of them, those that count in the loss
  std::vector<uint8_t> is_target;  ///< [num_tokens] 1: of a turn that is trained; empty: all are
};

/// The completions of a batch of groups as arrays. Shapes: N tokens of all sequences, sequence by
/// sequence; on the CPU. Looks into the groups, which outlive it.
struct TrainingBatch {
  const std::vector<Group>* groups = nullptr;
  std::vector<TrainingSequence> sequences;  ///< in the groups' order
  at::Tensor advantages;                    ///< [N] float32
  at::Tensor is_live;                       ///< [N] bool
  at::Tensor rollout_logprobs;              ///< [N] float32, NaN where the sampler gave none
  at::Tensor teacher_logprobs;              ///< [N] float32; undefined without a teacher
  at::Tensor old_logprobs;                  ///< [N] float32; undefined where the batch is used once
  at::Tensor reference_logprobs;            ///< [N] float32; undefined without KL term
  int64_t experts_per_row = 0;    ///< layers * K of the records' experts; 0: none were kept
  int64_t experts_per_layer = 0;  ///< K

  int64_t num_tokens() const { return advantages.defined() ? advantages.numel() : 0; }
};

/// Takes tokens out of a batch whose old logprobs are known, by rl.rejection and rl.m2_threshold:
/// they are no longer live, and in no count unless rl.rejection_denominator says so.
void filter_tokens(TrainingBatch& batch, const AlgorithmConfig& config);

/// Collects trainable completions: those that ended (by stop or length) and have tokens.
/// @throws gradus::ArgumentError  records that contradict each other, naming the prompt's id.
/// @param model  of the policy: it says how the records' experts are laid out.
TrainingBatch collect(const std::vector<Group>& groups, const AlgorithmConfig& config,
                      const policy::ModelConfig& model);

/// Whether the loss has a gradient at the sequence's logprobs that can differ from 0: a credit, a
/// KL term or an entropy bonus.
bool can_change_gradient(const TrainingBatch& batch, const TrainingSequence& sequence,
                         const AlgorithmConfig& config);

/// Some of a batch's sequences, ready to be trained on in one optimizer step.
struct Minibatch {
  Denominators denominators;             ///< over all its sequences, computed or not
  std::vector<int32_t> sequences;        ///< of each pack item: index into the batch's sequences
  std::vector<Microbatch> microbatches;  ///< of the computed sequences
  std::map<int32_t, int64_t> prompt_tokens;  ///< by group: live tokens of its completions
  int64_t num_right_tokens = 0;              ///< live tokens of completions that are right
};

/// @param groups  indices of the minibatch's groups, in the order in which they are packed.
Minibatch make_minibatch(const TrainingBatch& batch, std::span<const int32_t> groups,
                         int64_t microbatch_tokens);

}  // namespace gradus::rl
