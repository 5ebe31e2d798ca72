#include "rl/update/training_batch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

void check_group(const Group& group) {
  if (group.advantages.size() != group.completions.size()) {
    throw ArgumentError(
        fmt::format("prompt {}: {} advantages for {} completions; call assign_advantages first",
                    group.prompt.id, group.advantages.size(), group.completions.size()));
  }
  if (group.prompt.tokens.empty()) {
    throw ArgumentError(fmt::format(
        "prompt {}: has no tokens; a completion's first token follows from the prompt's last",
        group.prompt.id));
  }
}

void check_experts(const Group& group, const std::vector<uint16_t>& experts, int64_t per_row) {
  if (per_row > 0 && std::ssize(experts) % per_row == 0) return;
  throw ArgumentError(
      fmt::format("prompt {}: its records hold {} choices of experts, the model makes {} a token",
                  group.prompt.id, experts.size(), per_row));
}

void check_completion(const Group& group, size_t index) {
  const rollout::Completion& completion = group.completions[index];
  const size_t given = completion.policy_logprobs.size();
  if (given != 0 && given != completion.tokens.size()) {
    throw ArgumentError(fmt::format("prompt {}, completion {}: {} sampler logprobs for {} tokens",
                                    group.prompt.id, index, given, completion.tokens.size()));
  }
  if (!std::isfinite(group.advantages[index])) {
    throw ArgumentError(fmt::format("prompt {}, completion {}: its advantage is {}, not finite",
                                    group.prompt.id, index, group.advantages[index]));
  }
}

void check_turns(const Group& group, size_t index) {
  const rollout::Completion& completion = group.completions[index];
  int64_t end = 0;
  bool is_whole = true;
  for (const rollout::Turn& turn : completion.turns) {
    is_whole = is_whole && turn.begin == end && turn.end >= turn.begin;
    end = turn.end;
  }
  if (is_whole && (completion.turns.empty() || end == std::ssize(completion.tokens))) return;
  throw ArgumentError(fmt::format("prompt {}, completion {}: its turns do not cover its {} tokens",
                                  group.prompt.id, index, completion.tokens.size()));
}

void check_credit(const Group& group, size_t index) {
  if (group.credit.empty()) return;
  const bool is_whole = group.credit.size() == group.completions.size();
  const size_t tokens = group.completions[index].tokens.size();
  if (is_whole && (group.credit[index].empty() || group.credit[index].size() == tokens)) return;
  throw ArgumentError(fmt::format("prompt {}, completion {}: credit of {} completions, {} tokens",
                                  group.prompt.id, index, group.credit.size(),
                                  is_whole ? group.credit[index].size() : 0));
}

/// Credit of single tokens, or nothing: the advantage is every token's.
std::span<const double> credit_of(const Group& group, size_t completion) {
  if (group.credit.empty()) return {};
  return group.credit[completion];
}

/// [tokens] 1 where a turn is trained; empty where all are.
std::vector<uint8_t> targets_of(const rollout::Completion& completion) {
  std::vector<uint8_t> targets;
  if (std::ranges::all_of(completion.turns, &rollout::Turn::is_trained)) return targets;
  targets.assign(completion.tokens.size(), 1);
  for (const rollout::Turn& turn : completion.turns)
    if (!turn.is_trained) std::fill(targets.begin() + turn.begin, targets.begin() + turn.end, 0);
  return targets;
}

void fill_arrays(TrainingBatch& batch, int64_t num_tokens) {
  batch.advantages = at::empty({num_tokens}, at::kFloat);
  batch.is_live = at::empty({num_tokens}, at::kBool);
  batch.rollout_logprobs = at::empty({num_tokens}, at::kFloat);
  float* advantages = batch.advantages.mutable_data_ptr<float>();
  bool* is_live = batch.is_live.mutable_data_ptr<bool>();
  float* rollout = batch.rollout_logprobs.mutable_data_ptr<float>();
  float* teacher = nullptr;
  if (batch.teacher_logprobs.defined()) {
    batch.teacher_logprobs = at::zeros({num_tokens}, at::kFloat);
    teacher = batch.teacher_logprobs.mutable_data_ptr<float>();
  }
  for (const TrainingSequence& s : batch.sequences) {
    const Group& group = (*batch.groups)[static_cast<size_t>(s.group)];
    const auto& given = group.completions[static_cast<size_t>(s.completion)].policy_logprobs;
    const auto credit = credit_of(group, static_cast<size_t>(s.completion));
    std::fill_n(advantages + s.first_token, s.num_tokens, static_cast<float>(s.advantage));
    std::copy(credit.begin(), credit.end(), advantages + s.first_token);
    std::fill_n(is_live + s.first_token, s.num_tokens, s.is_live);
    for (size_t t = 0; t < s.is_target.size(); ++t)
      if (s.is_target[t] == 0) is_live[s.first_token + static_cast<int64_t>(t)] = false;
    if (teacher != nullptr) {
      const auto& scores = group.teacher_logprobs.at(static_cast<size_t>(s.completion));
      std::copy(scores.begin(), scores.end(), teacher + s.first_token);
    }
    if (given.empty()) {
      std::fill_n(rollout + s.first_token, s.num_tokens, std::numeric_limits<float>::quiet_NaN());
    } else {
      std::copy(given.begin(), given.end(), rollout + s.first_token);
    }
  }
}

PackItem pack_item(const TrainingBatch& batch, const TrainingSequence& sequence) {
  const Group& group = (*batch.groups)[static_cast<size_t>(sequence.group)];
  PackItem item;
  item.prefix_id = sequence.group;
  item.prefix = group.prompt.tokens;
  item.tokens = group.completions[static_cast<size_t>(sequence.completion)].tokens;
  item.is_target = sequence.is_target;
  item.first_token = sequence.first_token;
  if (batch.experts_per_row > 0) {
    item.prefix_experts = group.prompt.experts;
    item.experts = group.completions[static_cast<size_t>(sequence.completion)].experts;
  }
  return item;
}

}  // namespace

bool can_change_gradient(const TrainingBatch& batch, const TrainingSequence& sequence,
                         const AlgorithmConfig& config) {
  if (!sequence.is_live) return false;
  const Group& group = (*batch.groups)[static_cast<size_t>(sequence.group)];
  const auto credit = credit_of(group, static_cast<size_t>(sequence.completion));
  const bool has_credit = std::ranges::any_of(credit, [](double c) { return c != 0.0; });
  return (credit.empty() ? sequence.advantage != 0.0 : has_credit) ||
         (config.kl_coef != 0.0 && !config.kl_in_reward) || config.entropy_coef != 0.0 ||
         (config.positive_nll_coef != 0.0 && sequence.is_right) || batch.teacher_logprobs.defined();
}

TrainingBatch collect(const std::vector<Group>& groups, const AlgorithmConfig& config,
                      const policy::ModelConfig& model) {
  TrainingBatch batch;
  batch.groups = &groups;
  const bool has_teacher = std::ranges::any_of(
      groups, [](const Group& group) { return !group.teacher_logprobs.empty(); });
  if (has_teacher) batch.teacher_logprobs = at::zeros({0}, at::kFloat);  // filled below
  const int64_t K = model.moe.num_experts_per_token;
  const int64_t per_row = K * policy::num_mixture_layers(model);
  int64_t num_tokens = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    check_group(groups[g]);
    for (size_t i = 0; i < groups[g].completions.size(); ++i) {
      const rollout::Completion& completion = groups[g].completions[i];
      if (!is_trainable(completion)) continue;
      check_completion(groups[g], i);
      check_turns(groups[g], i);
      check_credit(groups[g], i);
      for (const auto* experts : {&groups[g].prompt.experts, &completion.experts}) {
        if (experts->empty()) continue;
        check_experts(groups[g], *experts, per_row);
        batch.experts_per_row = per_row;
        batch.experts_per_layer = K;
      }
      TrainingSequence sequence;
      sequence.group = static_cast<int32_t>(g);
      sequence.completion = static_cast<int32_t>(i);
      sequence.advantage = groups[g].advantages[i];
      sequence.is_right = i < groups[g].rewards.size() && groups[g].rewards[i] > 0.0;
      sequence.is_live = !(config.mask_truncated && completion.is_truncated());
      sequence.is_computed =
          !config.skip_zero_advantage || can_change_gradient(batch, sequence, config);
      sequence.first_token = num_tokens;
      sequence.num_tokens = static_cast<int64_t>(completion.tokens.size());
      sequence.is_target = targets_of(completion);
      if (sequence.is_live)
        sequence.num_live = sequence.is_target.empty()
                                ? sequence.num_tokens
                                : std::ranges::count(sequence.is_target, uint8_t{1});
      num_tokens += sequence.num_tokens;
      batch.sequences.push_back(std::move(sequence));
    }
  }
  fill_arrays(batch, num_tokens);
  return batch;
}

void filter_tokens(TrainingBatch& batch, const AlgorithmConfig& config) {
  const int64_t n = batch.num_tokens();
  const at::Tensor sequence_N = at::empty({n}, at::kLong);
  int64_t* sequence = sequence_N.mutable_data_ptr<int64_t>();
  for (size_t i = 0; i < batch.sequences.size(); ++i)
    std::fill_n(sequence + batch.sequences[i].first_token, batch.sequences[i].num_tokens,
                static_cast<int64_t>(i));
  const ComparedTokens tokens{batch.old_logprobs, batch.rollout_logprobs, batch.is_live, sequence_N,
                              static_cast<int64_t>(batch.sequences.size())};
  batch.is_live = batch.is_live & ~filtered_tokens(tokens, config);
  if (config.rejection_denominator == "all") return;
  const bool* is_live = batch.is_live.const_data_ptr<bool>();
  for (TrainingSequence& s : batch.sequences)
    s.num_live = std::count(is_live + s.first_token, is_live + s.first_token + s.num_tokens, true);
}

Minibatch make_minibatch(const TrainingBatch& batch, std::span<const int32_t> groups,
                         int64_t microbatch_tokens) {
  Minibatch minibatch;
  std::vector<int64_t> live_tokens;
  std::vector<PackItem> items;
  const auto of_group = [](const TrainingSequence& s, int32_t group) { return s.group < group; };
  for (const int32_t group : groups) {
    auto sequence =
        std::lower_bound(batch.sequences.begin(), batch.sequences.end(), group, of_group);
    for (; sequence != batch.sequences.end() && sequence->group == group; ++sequence) {
      live_tokens.push_back(sequence->num_live);
      minibatch.prompt_tokens[group] += sequence->num_live;
      if (sequence->is_right) minibatch.num_right_tokens += sequence->num_live;
      if (!sequence->is_computed) continue;
      minibatch.sequences.push_back(static_cast<int32_t>(sequence - batch.sequences.begin()));
      items.push_back(pack_item(batch, *sequence));
    }
  }
  minibatch.denominators = count_denominators(live_tokens);
  for (const auto& [group, tokens] : minibatch.prompt_tokens)
    minibatch.denominators.num_prompts += tokens > 0 ? 1 : 0;
  minibatch.microbatches =
      pack(items, microbatch_tokens, batch.experts_per_row, batch.experts_per_layer);
  return minibatch;
}

}  // namespace gradus::rl
