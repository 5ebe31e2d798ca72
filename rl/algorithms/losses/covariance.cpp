#include "rl/algorithms/losses/covariance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

namespace gradus::rl {
namespace {

at::Tensor centred(const at::Tensor& values, const LossInputs& in) {
  const auto live_S = values.detach().masked_fill(~in.is_live, 0.0);
  const auto n = std::max<int64_t>(1, in.is_live.sum().item<int64_t>());
  return live_S - live_S.sum() / static_cast<double>(n);
}

}  // namespace

at::Tensor covariances(const LossInputs& in) {
  return (centred(in.advantages, in) * centred(in.logprobs, in)).masked_fill(~in.is_live, 0.0);
}

int64_t share_of_live(const LossInputs& in, double share) {
  const auto live = static_cast<double>(in.is_live.sum().item<int64_t>());
  return std::max<int64_t>(1, static_cast<int64_t>(std::floor(share * live)));
}

at::Tensor marked(const std::vector<int64_t>& tokens, const at::Tensor& like) {
  const auto mark_S = at::zeros_like(like, like.options().dtype(at::kBool).requires_grad(false));
  bool* mark = mark_S.mutable_data_ptr<bool>();
  for (const int64_t token : tokens) mark[token] = true;
  return mark_S;
}

}  // namespace gradus::rl
