#include "service/models/token_scores.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "policy/kernels/softmax.h"
#include "policy/policy.h"

namespace gradus::service {
namespace {

/// Rows of logits made at once: a long prompt's are not all held.
constexpr int64_t kScoredRows = 128;

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

std::vector<TokenScore> score_tokens(const policy::Policy& policy,
                                     const std::vector<int32_t>& tokens, int num_top,
                                     const std::vector<std::vector<int32_t>>& targets,
                                     ThreadTeam& team) {
  policy::PackedBatch batch;
  for (size_t i = 0; i < tokens.size(); ++i) {
    batch.tokens.push_back(tokens[i]);
    batch.positions.push_back(static_cast<int32_t>(i));
  }
  batch.segments.push_back({0, batch.num_rows(), -1});
  const auto hidden = policy.forward(batch, team).detach();
  std::vector<TokenScore> scores;
  scores.push_back({tokens.front(), std::numeric_limits<float>::quiet_NaN(), {}, {}});
  const int64_t last = std::ssize(tokens) - 1;
  for (int64_t begin = 0; begin < last; begin += kScoredRows) {
    std::vector<int64_t> rows(static_cast<size_t>(std::min(kScoredRows, last - begin)));
    std::iota(rows.begin(), rows.end(), begin);
    const auto logits = policy.logits(hidden, rows, team).to(at::kCPU).contiguous();
    const auto width = static_cast<size_t>(logits.size(1));
    for (size_t i = 0; i < rows.size(); ++i) {
      const float* row = logits.const_data_ptr<float>() + i * width;
      const auto place = static_cast<size_t>(rows[i]);
      scores.push_back(score_of_row({row, width}, tokens[place + 1], num_top));
      if (targets.empty()) continue;
      for (const int32_t target : targets[place])
        scores.back().targets.push_back(target < 0 ? 0.0F
                                                   : score_of_row({row, width}, target, 0).logprob);
    }
  }
  return scores;
}

}  // namespace gradus::service
