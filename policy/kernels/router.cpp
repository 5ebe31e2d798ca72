#include "policy/kernels/router.h"

#include <algorithm>
#include <limits>
#include <string>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"

namespace gradus::policy::kernels {
namespace {

// Scores below which another thread costs more than it brings.
constexpr int64_t kRouterGrain = 4096;
// As DeepSeek-V3's own code: a sum of scores that have all vanished.
constexpr float kLeastSum = 1e-20F;

template <class Fn>
void each_range(ThreadTeam& team, int64_t rows, int64_t cols, Fn fn) {
  team.for_range(rows, 1 + kRouterGrain / std::max<int64_t>(1, cols), fn);
}

void check(const char* where, ConstMatrix scores, const RouterShape& shape, size_t chosen) {
  const bool fits = scores.type == Type::f32 && scores.cols == shape.num_experts &&
                    shape.per_token >= 1 && shape.num_groups >= 1 &&
                    shape.num_experts % shape.num_groups == 0 && shape.kept_groups >= 1 &&
                    shape.kept_groups <= shape.num_groups &&
                    shape.per_token <= shape.num_experts / shape.num_groups * shape.kept_groups &&
                    static_cast<int64_t>(chosen) == scores.rows * shape.per_token;
  if (fits) return;
  throw ArgumentError(std::string(where) + ": scores [" + std::to_string(scores.rows) + ", " +
                      std::to_string(scores.cols) + "] and " + std::to_string(chosen) +
                      " choices do not fit " + std::to_string(shape.per_token) + " of " +
                      std::to_string(shape.num_experts) + " experts, of " +
                      std::to_string(shape.kept_groups) + " of " +
                      std::to_string(shape.num_groups) + " groups");
}

void softmax(float* z, int64_t n) {
  float most = z[0];
  for (int64_t i = 1; i < n; ++i) most = z[i] > most ? z[i] : most;
  for (int64_t i = 0; i < n; ++i) z[i] -= most;
  kernels().exp(z, z, n);
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += z[i];
  for (int64_t i = 0; i < n; ++i) z[i] /= sum;
}

void sigmoid(float* z, int64_t n) {
  for (int64_t i = 0; i < n; ++i) z[i] = -z[i];
  kernels().exp(z, z, n);
  for (int64_t i = 0; i < n; ++i) z[i] = 1.0F / (1.0F + z[i]);
}

/// The largest of a list, best first; of equals the one that was offered first.
class Best {
 public:
  explicit Best(int count)
      : index_(static_cast<size_t>(count)), value_(static_cast<size_t>(count)) {}

  void clear() { size_ = 0; }
  void offer(int32_t index, float value) {
    size_t place = size_;
    if (size_ == index_.size()) {
      if (!(value > value_.back())) return;
      --place;
    } else {
      ++size_;
    }
    for (; place > 0 && value > value_[place - 1]; --place) {
      index_[place] = index_[place - 1];
      value_[place] = value_[place - 1];
    }
    index_[place] = index;
    value_[place] = value;
  }
  std::span<const int32_t> indices() const { return {index_.data(), size_}; }

 private:
  std::vector<int32_t> index_;
  std::vector<float> value_;
  size_t size_ = 0;
};

class Chooser {
 public:
  Chooser(const RouterShape& shape, const float* bias)
      : shape_(shape),
        bias_(bias),
        group_size_(shape.num_experts / shape.num_groups),
        experts_(shape.per_token),
        groups_(shape.kept_groups) {}

  void run(const float* scores, int32_t* chosen) {
    experts_.clear();
    if (shape_.kept_groups == shape_.num_groups) {
      offer_experts(scores, 0, shape_.num_experts);
    } else {
      groups_.clear();
      for (int g = 0; g < shape_.num_groups; ++g) groups_.offer(g, group_score(scores, g));
      kept_.assign(groups_.indices().begin(), groups_.indices().end());
      std::ranges::sort(kept_);  // experts are offered in ascending order
      for (const int32_t g : kept_) offer_experts(scores, g * group_size_, (g + 1) * group_size_);
    }
    const auto best = experts_.indices();
    std::copy(best.begin(), best.end(), chosen);
    std::sort(chosen, chosen + shape_.per_token);
  }

 private:
  float choice(const float* scores, int e) const {
    return bias_ == nullptr ? scores[e] : scores[e] + bias_[e];
  }
  void offer_experts(const float* scores, int begin, int end) {
    for (int e = begin; e < end; ++e) experts_.offer(e, choice(scores, e));
  }
  /// The sum of the two largest; of the only one where there is one.
  float group_score(const float* scores, int group) const {
    float first = -std::numeric_limits<float>::infinity();
    float second = first;
    for (int e = group * group_size_; e < (group + 1) * group_size_; ++e) {
      const float value = choice(scores, e);
      if (value > first) {
        second = first;
        first = value;
      } else if (value > second) {
        second = value;
      }
    }
    return group_size_ == 1 ? first : first + second;
  }

  const RouterShape& shape_;
  const float* bias_;
  int group_size_;
  Best experts_;
  Best groups_;
  std::vector<int32_t> kept_;
};

float sum_of(const float* s, int64_t n) {
  float sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += s[i];
  return sum;
}

/// Adds the gradient of w = scale * s / sum at the chosen experts to ds [E].
void add_weight_gradient(const float* s, const int32_t* chosen, const float* dw,
                         const RouterShape& shape, float* ds) {
  if (!shape.normalize) {
    for (int k = 0; k < shape.per_token; ++k) ds[chosen[k]] += shape.scale * dw[k];
    return;
  }
  float sum = 0;
  float dot = 0;
  for (int k = 0; k < shape.per_token; ++k) {
    sum += s[chosen[k]];
    dot += dw[k] * s[chosen[k]];
  }
  sum += kLeastSum;
  for (int k = 0; k < shape.per_token; ++k) {
    ds[chosen[k]] += shape.scale * ((dw[k] - dot / sum) / sum);
  }
}

/// Adds the gradient of sum_i slope_i s_i / sum_j s_j to ds [E].
void add_balance_gradient(const float* s, const float* slope, int64_t n, float* ds) {
  const float sum = sum_of(s, n) + kLeastSum;
  float mean = 0;
  for (int64_t i = 0; i < n; ++i) mean += slope[i] * s[i];
  mean /= sum;
  for (int64_t i = 0; i < n; ++i) ds[i] += (slope[i] - mean) / sum;
}

/// ds [E] to the gradient of the logits, in place.
void through_scores(const float* s, RouterScoring scoring, int64_t n, float* ds) {
  if (scoring == RouterScoring::sigmoid) {
    for (int64_t i = 0; i < n; ++i) ds[i] *= s[i] * (1.0F - s[i]);
    return;
  }
  float dot = 0;
  for (int64_t i = 0; i < n; ++i) dot += ds[i] * s[i];
  for (int64_t i = 0; i < n; ++i) ds[i] = s[i] * (ds[i] - dot);
}

}  // namespace

void router_scores(ThreadTeam& team, Matrix logits, RouterScoring scoring) {
  if (logits.cols == 0) return;
  each_range(team, logits.rows, logits.cols, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      scoring == RouterScoring::softmax ? softmax(float_row(logits, t), logits.cols)
                                        : sigmoid(float_row(logits, t), logits.cols);
    }
  });
}

void choose_experts(ThreadTeam& team, ConstMatrix scores, const float* bias,
                    const RouterShape& shape, std::span<int32_t> chosen) {
  check("choose_experts", scores, shape, chosen.size());
  each_range(team, scores.rows, scores.cols, [&](int64_t begin, int64_t end) {
    Chooser chooser(shape, bias);
    for (int64_t t = begin; t < end; ++t) {
      chooser.run(float_row(scores, t), chosen.data() + t * shape.per_token);
    }
  });
}

void expert_weights(ThreadTeam& team, ConstMatrix scores, std::span<const int32_t> chosen,
                    const RouterShape& shape, std::span<float> weights) {
  check("expert_weights", scores, shape, chosen.size());
  const int K = shape.per_token;
  each_range(team, scores.rows, K, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* s = float_row(scores, t);
      const int32_t* picked = chosen.data() + t * K;
      float* w = weights.data() + t * K;
      float sum = 0;
      for (int k = 0; k < K; ++k) sum += w[k] = s[picked[k]];
      if (shape.normalize) {
        for (int k = 0; k < K; ++k) w[k] /= sum + kLeastSum;
      }
      for (int k = 0; k < K; ++k) w[k] *= shape.scale;
    }
  });
}

SequenceBalance::SequenceBalance(std::span<const int64_t> lengths, std::span<const int32_t> chosen,
                                 const RouterShape& shape, double weight,
                                 std::span<const uint8_t> counted)
    : num_experts_(shape.num_experts) {
  const auto count = static_cast<size_t>(num_experts_);
  slopes_.reserve(lengths.size() * count);
  int64_t row = 0;
  for (size_t s = 0; s < lengths.size(); ++s) {
    std::vector<int64_t> load(count, 0);
    const int64_t length = lengths[s];
    for (int64_t i = row * shape.per_token; i < (row + length) * shape.per_token; ++i) {
      ++load[static_cast<size_t>(chosen[static_cast<size_t>(i)])];
    }
    const auto rows = static_cast<double>(length);
    const bool has_part = length > 0 && (counted.empty() || counted[static_cast<size_t>(row)] != 0);
    for (const int64_t n : load) {
      const double f = length == 0 ? 0.0
                                   : static_cast<double>(n) * static_cast<double>(num_experts_) /
                                         (static_cast<double>(shape.per_token) * rows);
      slopes_.push_back(!has_part ? 0.0F : static_cast<float>(weight * f / rows));
    }
    sequence_.insert(sequence_.end(), static_cast<size_t>(length), static_cast<int32_t>(s));
    row += length;
  }
}

double SequenceBalance::loss(ConstMatrix scores) const {
  double loss = 0;
  for (int64_t t = 0; t < scores.rows; ++t) {
    const float* s = float_row(scores, t);
    const float* g = slope(t);
    float dot = 0;
    for (int64_t i = 0; i < num_experts_; ++i) dot += g[i] * s[i];
    loss += dot / (sum_of(s, num_experts_) + kLeastSum);
  }
  return loss;
}

void router_backward(ThreadTeam& team, ConstMatrix scores, std::span<const int32_t> chosen,
                     const RouterShape& shape, std::span<const float> dweights,
                     const SequenceBalance* balance, Matrix dlogits) {
  check("router_backward", scores, shape, chosen.size());
  const int K = shape.per_token;
  each_range(team, scores.rows, scores.cols, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const float* s = float_row(scores, t);
      float* ds = float_row(dlogits, t);
      std::fill_n(ds, scores.cols, 0.0F);
      add_weight_gradient(s, chosen.data() + t * K, dweights.data() + t * K, shape, ds);
      if (balance != nullptr) add_balance_gradient(s, balance->slope(t), scores.cols, ds);
      through_scores(s, shape.scoring, scores.cols, ds);
    }
  });
}

}  // namespace gradus::policy::kernels
