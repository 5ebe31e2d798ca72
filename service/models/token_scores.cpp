#include "service/models/token_scores.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "policy/kernels/softmax.h"
#include "policy/policy.h"
#include "rollout/engine/sampler.h"

namespace gradus::service {
namespace {

/// Rows of logits made at once: a long prompt's are not all held.
constexpr int64_t kScoredRows = 128;

/// Draws of a prompt are no completion's: they have a step of the random stream to themselves.
constexpr uint64_t kDrawnStep = 1;

std::vector<std::pair<int32_t, float>> draw_tokens(const GenerationRequest& request, size_t place,
                                                   std::span<const float> logits) {
  rollout::SamplingConfig config;
  config.temperature = request.sampling.temperature;
  const rollout::Sampler sampler(config);
  rollout::SamplerScratch scratch;
  scratch.reserve(std::ssize(logits));
  RandomStream random(request.seed, kDrawnStep, place, 0);
  std::vector<std::pair<int32_t, float>> drawn;
  for (int i = 0; i < request.num_drawn; ++i) {
    const float u = sampler.is_greedy() ? 0.0F : random.uniform();
    const auto token = sampler.sample(logits, u, scratch);
    if (!token) throw Error("the logits of the prompt hold NaN or infinity");
    drawn.emplace_back(token->id, token->policy_logprob);
  }
  return drawn;
}

/// The token behind `place`, with what the request wants to know.
TokenScore score_place(const GenerationRequest& request, size_t place,
                       std::span<const float> logits) {
  auto score = score_of_row(logits, request.tokens[place + 1],
                            std::max(request.num_top, request.num_top_prompt));
  if (!request.prompt_targets.empty())
    for (const int32_t target : request.prompt_targets[place])
      score.targets.push_back(target < 0
                                  ? 0.0F
                                  : score.logprob + (logits[static_cast<size_t>(target)] -
                                                     logits[static_cast<size_t>(score.token)]));
  if (request.num_drawn > 0) score.drawn = draw_tokens(request, place, logits);
  return score;
}

}  // namespace

TokenScore score_of_row(std::span<const float> logits, int32_t token, int num_top,
                        double temperature) {
  const auto b = static_cast<float>(1.0 / temperature);
  const auto n = std::ssize(logits);
  const float total = policy::kernels::softmax_stats(logits.data(), n, b).log_sum_exp;
  TokenScore score;
  score.token = token;
  score.logprob = b * logits[static_cast<size_t>(token)] - total;
  if (num_top <= 0) return score;
  std::vector<int32_t> ids(static_cast<size_t>(n));
  std::iota(ids.begin(), ids.end(), 0);
  const auto end = ids.begin() + std::min<int64_t>(num_top, n);
  std::partial_sort(ids.begin(), end, ids.end(), [&](int32_t a, int32_t b) {
    const float left = logits[static_cast<size_t>(a)];
    const float right = logits[static_cast<size_t>(b)];
    return left > right || (left == right && a < b);
  });
  for (auto id = ids.begin(); id != end; ++id)
    score.top.emplace_back(*id, b * logits[static_cast<size_t>(*id)] - total);
  return score;
}

std::vector<TokenScore> score_prompt(const policy::Policy& policy, const GenerationRequest& request,
                                     ThreadTeam& team) {
  const auto& tokens = request.tokens;
  policy::PackedBatch batch;
  for (size_t i = 0; i < tokens.size(); ++i) {
    batch.tokens.push_back(tokens[i]);
    batch.positions.push_back(static_cast<int32_t>(i));
  }
  batch.segments.push_back({0, batch.num_rows(), -1});
  const auto hidden = policy.forward(batch, team).detach();
  std::vector<TokenScore> scores(1);
  scores.front().token = tokens.front();
  scores.front().logprob = std::numeric_limits<float>::quiet_NaN();
  const int64_t last = std::ssize(tokens) - 1;
  for (int64_t begin = 0; begin < last; begin += kScoredRows) {
    std::vector<int64_t> rows(static_cast<size_t>(std::min(kScoredRows, last - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    const auto logits = policy.logits(hidden, rows, team).to(at::kCPU).contiguous();
    const auto width = static_cast<size_t>(logits.size(1));
    for (size_t i = 0; i < rows.size(); ++i)
      scores.push_back(score_place(request, static_cast<size_t>(rows[i]),
                                   {logits.const_data_ptr<float>() + i * width, width}));
  }
  return scores;
}

}  // namespace gradus::service
