#include "rl/algorithms/distillation/generalized_jsd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/clamp_max.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/gather.h>
#include <ATen/ops/log1p.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/logaddexp.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/topk.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace gradus::rl {
namespace {

// The rest's probability is never quite 0, whose logarithm would have no gradient.
constexpr double kMostOfTop = 1.0 - 1e-7;

/// [R, k + 1]: the chosen tokens' logprobs, and that of any other token.
at::Tensor with_rest(const at::Tensor& logprobs_RV, const at::Tensor& top_RK) {
  const auto top = logprobs_RV.gather(1, top_RK);
  const auto rest = (-top.exp().sum({1}, true).clamp_max(kMostOfTop)).log1p();
  return at::cat({top, rest}, 1);
}

/// KL(p || q) per row, from logarithms.
at::Tensor divergence(const at::Tensor& log_p, const at::Tensor& log_q) {
  return (log_p.exp() * (log_p - log_q)).sum({1});
}

}  // namespace

at::Tensor generalized_jsd(const at::Tensor& student, const at::Tensor& teacher,
                           const JsdForm& form) {
  auto log_s = at::log_softmax(student / form.temperature, 1);
  auto log_t = at::log_softmax(teacher.detach() / form.temperature, 1);
  if (form.top_k > 0 && form.top_k < log_t.size(1)) {
    const auto top_RK = std::get<1>(log_t.topk(form.top_k, 1));
    log_s = with_rest(log_s, top_RK);
    log_t = with_rest(log_t, top_RK);
  }
  if (form.beta <= 0.0) return divergence(log_t, log_s);
  if (form.beta >= 1.0) return divergence(log_s, log_t);
  const auto log_m = at::logaddexp(log_t + std::log(form.beta), log_s + std::log1p(-form.beta));
  return divergence(log_t, log_m) * form.beta + divergence(log_s, log_m) * (1.0 - form.beta);
}

}  // namespace gradus::rl
