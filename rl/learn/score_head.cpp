#include "rl/learn/score_head.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mv.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "base/error.h"
#include "base/random.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/hf/score_head_name.h"

namespace gradus::rl {
namespace {

constexpr double kHeadDeviation = 0.02;

void fill_fresh(std::span<float> values, uint64_t seed) {
  RandomStream random(seed, hash_text(policy::kScoreHeadName), 0, 0);
  for (float& value : values) value = static_cast<float>(kHeadDeviation * random.normal());
}

/// False: the checkpoint has none.
bool fill_from(const ModelSettings& model, std::span<float> values) {
  if (model.is_fresh()) return false;
  const auto source = policy::open_checkpoint(model.path);
  const auto found = source->tensors().find(std::string(policy::kScoreHeadName));
  if (found == source->tensors().end()) return false;
  if (found->second.num_elements != values.size())
    throw FileError(model.path, "tensor_mismatch",
                    fmt::format("{} has {} elements, a reward model's has {}",
                                policy::kScoreHeadName, found->second.num_elements, values.size()));
  source->read_f32(policy::kScoreHeadName, values);
  return true;
}

}  // namespace

void add_score_head(policy::Policy& policy, const ModelSettings& model, uint64_t seed) {
  const at::NoGradGuard no_grad;
  const int64_t width = policy.model_config().hidden_size;
  at::Tensor value = at::empty({1, width}, at::kFloat);
  const std::span values(value.mutable_data_ptr<float>(), static_cast<size_t>(width));
  if (!fill_from(model, values)) fill_fresh(values, seed);
  value = value.to(policy.device());
  at::Tensor gradient = at::zeros_like(value);
  value.set_requires_grad(true);
  value.mutable_grad() = gradient;
  policy.parameters().push_back({std::string(policy::kScoreHeadName), value, gradient});
}

bool has_score_head(const std::string& checkpoint) {
  return policy::open_checkpoint(checkpoint)
      ->tensors()
      .contains(std::string(policy::kScoreHeadName));
}

at::Tensor head_rewards(policy::Policy& policy, const at::Tensor& hidden,
                        const std::vector<int64_t>& rows) {
  const auto& parameters = policy.parameters();
  const auto head = std::ranges::find(parameters, policy::kScoreHeadName, &policy::Parameter::name);
  if (head == parameters.end())
    throw ArgumentError("the policy has no score.weight; it is no reward model");
  const at::Tensor row_R = at::empty({static_cast<int64_t>(rows.size())}, at::kLong);
  std::copy(rows.begin(), rows.end(), row_R.mutable_data_ptr<int64_t>());
  const auto chosen = hidden.index_select(0, row_R.to(hidden.device())).to(at::kFloat);
  return chosen.mv(head->value.select(0, 0)).to(at::kCPU);
}

}  // namespace gradus::rl
