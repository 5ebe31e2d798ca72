#include "policy/ops/routing.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace gradus::policy {
namespace {

const float* row_of(kernels::ConstMatrix m, int64_t row) {
  return static_cast<const float*>(m.data) + row * m.stride;
}

/// Of the scores divided by their sum, in nats.
double entropy_of(const float* s, int64_t n) {
  double sum = 0;
  double weighted = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double x = s[i];
    if (!(x > 0.0)) continue;
    sum += x;
    weighted += x * std::log(x);
  }
  return sum > 0.0 ? std::log(sum) - weighted / sum : 0.0;
}

ExpertLoad& load_of(RoutingPass& pass, int layer, int num_experts) {
  const auto index = static_cast<size_t>(layer);
  if (pass.loads.size() <= index) pass.loads.resize(index + 1);
  ExpertLoad& load = pass.loads[index];
  load.rows.resize(static_cast<size_t>(num_experts), 0);
  return load;
}

/// Rows of one layer against what the sampler chose there.
class GivenChoices {
 public:
  GivenChoices(const ExpertChoices& given, const kernels::RouterShape& shape, int layer,
               int64_t rows)
      : given_(given), shape_(shape), layer_(layer) {
    if (given.per_token == shape.per_token && given.num_rows() == rows) return;
    throw ArgumentError("routing: choices of " + std::to_string(given.num_rows()) + " rows, " +
                        std::to_string(given.per_token) + " each, for a batch of " +
                        std::to_string(rows) + " rows and a router that takes " +
                        std::to_string(shape.per_token));
  }

  /// [K] of a row; empty where they are unknown.
  std::span<const uint16_t> of(int64_t row) const {
    const auto K = static_cast<size_t>(shape_.per_token);
    const auto experts = given_.row(row).subspan(static_cast<size_t>(layer_) * K, K);
    if (experts[0] == ExpertChoices::kUnknown) return {};
    for (size_t k = 0; k < K; ++k) {
      if (experts[k] < shape_.num_experts && (k == 0 || experts[k] > experts[k - 1])) continue;
      throw ArgumentError("routing: row " + std::to_string(row) + " was given expert " +
                          std::to_string(experts[k]) + " of " + std::to_string(shape_.num_experts) +
                          " in place " + std::to_string(k) + "; experts must ascend");
    }
    return experts;
  }

 private:
  const ExpertChoices& given_;
  const kernels::RouterShape& shape_;
  int layer_;
};

/// Of two ascending lists: how many of `given` are not in `own`.
int64_t num_missing(std::span<const uint16_t> given, std::span<const int32_t> own) {
  int64_t missing = 0;
  size_t k = 0;
  for (const uint16_t e : given) {
    while (k < own.size() && own[k] < e) ++k;
    if (k == own.size() || own[k] != e) ++missing;
  }
  return missing;
}

void take_given(std::vector<int32_t>& chosen, const kernels::RouterShape& shape, int layer,
                const LayerRouting& routing) {
  RoutingPass& pass = *routing.pass;
  const auto K = static_cast<size_t>(shape.per_token);
  const auto rows = std::ssize(chosen) / shape.per_token;
  const GivenChoices given(*pass.given, shape, layer, rows);
  ExpertLoad* load =
      pass.measures && !routing.is_repeated ? &load_of(pass, layer, shape.num_experts) : nullptr;
  for (int64_t t = 0; t < rows; ++t) {
    const auto experts = given.of(t);
    if (experts.empty()) continue;
    const auto own = std::span(chosen).subspan(static_cast<size_t>(t) * K, K);
    if (load != nullptr && routing.counts(t)) {
      load->num_compared += shape.per_token;
      load->num_differing += num_missing(experts, own);
    }
    if (pass.replays) std::copy(experts.begin(), experts.end(), own.begin());
  }
}

void measure(kernels::ConstMatrix scores, const std::vector<int32_t>& chosen,
             const kernels::RouterShape& shape, int layer, const LayerRouting& routing) {
  ExpertLoad& load = load_of(*routing.pass, layer, shape.num_experts);
  for (int64_t t = 0; t < scores.rows; ++t) {
    if (!routing.counts(t)) continue;
    for (int64_t k = t * shape.per_token; k < (t + 1) * shape.per_token; ++k)
      ++load.rows[static_cast<size_t>(chosen[static_cast<size_t>(k)])];
    ++load.num_rows;
    load.entropy_sum += entropy_of(row_of(scores, t), scores.cols);
  }
}

/// Copies a layer's [T, K] to its place in [T, layers, K].
template <class From, class To>
void scatter(const std::vector<From>& values, int64_t layer, const ExpertChoices& choices,
             std::vector<To>& all) {
  const int64_t K = choices.per_token;
  for (int64_t t = 0; t < choices.num_rows(); ++t) {
    for (int64_t k = 0; k < K; ++k) {
      all[static_cast<size_t>(t * choices.row_size() + layer * K + k)] =
          static_cast<To>(values[static_cast<size_t>(t * K + k)]);
    }
  }
}

void keep(kernels::ConstMatrix scores, const std::vector<int32_t>& chosen,
          const kernels::RouterShape& shape, int layer, RoutingPass& pass, ThreadTeam& team) {
  ExpertChoices& choices = pass.choices;
  const int64_t K = shape.per_token;
  const int64_t rows = std::ssize(chosen) / K;
  TORCH_CHECK(choices.per_token == K && choices.num_rows() == rows, "choices of another batch");
  scatter(chosen, layer, choices, choices.experts);
  if (!pass.keeps_weights) return;
  std::vector<float> weights(chosen.size());
  kernels::expert_weights(team, scores, chosen, shape, weights);
  scatter(weights, layer, choices, pass.weights);
}

}  // namespace

int64_t num_mixture_layers(const ModelConfig& config, bool with_prediction_modules) {
  const auto end =
      with_prediction_modules ? config.layers.end() : config.layers.begin() + config.num_layers;
  return std::count_if(config.layers.begin(), end, [](const LayerConfig& layer) {
    return layer.ffn == FfnKind::mixture_of_experts;
  });
}

void make_room_for_choices(RoutingPass* pass, const ModelConfig& config, int64_t rows) {
  if (pass == nullptr || !pass->keeps_choices) return;
  ExpertChoices& choices = pass->choices;
  choices.layers = num_mixture_layers(config);
  choices.per_token = config.moe.num_experts_per_token;
  choices.experts.assign(static_cast<size_t>(rows * choices.row_size()), ExpertChoices::kUnknown);
  if (pass->keeps_weights) pass->weights.assign(choices.experts.size(), 0.0F);
}

std::vector<int32_t> route(kernels::ConstMatrix scores, const float* bias,
                           const kernels::RouterShape& shape, int layer,
                           const LayerRouting& routing, ThreadTeam& team) {
  std::vector<int32_t> chosen(static_cast<size_t>(scores.rows * shape.per_token));
  kernels::choose_experts(team, scores, bias, shape, chosen);
  if (routing.pass == nullptr) return chosen;
  RoutingPass& pass = *routing.pass;
  if (pass.given != nullptr && layer < pass.given->layers) {
    take_given(chosen, shape, layer, routing);
  }
  if (routing.is_repeated) return chosen;
  if (pass.measures) measure(scores, chosen, shape, layer, routing);
  if (pass.keeps_choices && layer < pass.choices.layers) {
    keep(scores, chosen, shape, layer, pass, team);
  }
  return chosen;
}

std::shared_ptr<const kernels::SequenceBalance> balance_of(std::span<const int32_t> chosen,
                                                           const kernels::RouterShape& shape,
                                                           const LayerRouting& routing) {
  if (routing.lengths == nullptr) return nullptr;
  return std::make_shared<kernels::SequenceBalance>(
      *routing.lengths, chosen, shape, routing.pass->balance_weight,
      routing.counted == nullptr ? std::span<const uint8_t>() : *routing.counted);
}

void note_balance(double loss, int layer, const LayerRouting& routing) {
  if (routing.is_repeated || !routing.pass->measures) return;
  routing.pass->loads[static_cast<size_t>(layer)].balance_loss += loss;
}

}  // namespace gradus::policy
