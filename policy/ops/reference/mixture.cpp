// Shapes: T rows, D width, E experts, K chosen per row, N = T * K rows sorted by expert.
#include "policy/ops/reference/mixture.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>

#include "policy/kernels/expert_rows.h"
#include "policy/ops/autograd.h"

namespace gradus::policy {
namespace {

kernels::ConstMatrix const_rows(const at::Tensor& t) {
  return {t.data_ptr(), kernels::Type::f32, t.size(0), t.size(1), t.size(1)};
}

template <class T>
at::Tensor longs(const std::vector<T>& values, at::IntArrayRef shape, at::Device device) {
  return at::tensor(std::vector<int64_t>(values.begin(), values.end()), at::kLong)
      .reshape(shape)
      .to(device);
}

/// [T, K], differentiable in the scores.
at::Tensor expert_weights(const at::Tensor& scores_TE, const at::Tensor& chosen_TK,
                          const kernels::RouterShape& shape) {
  auto w_TK = scores_TE.gather(1, chosen_TK);
  if (shape.normalize) w_TK = w_TK / (w_TK.sum({-1}, true) + 1e-20);
  return w_TK * static_cast<double>(shape.scale);
}

/// y whose gradient brings that of the balance loss along.
at::Tensor with_balance(const at::Tensor& y_TD, const at::Tensor& scores_TE,
                        const kernels::SequenceBalance& balance) {
  auto slopes_TE = at::empty(scores_TE.sizes(), at::kFloat);
  for (int64_t t = 0; t < scores_TE.size(0); ++t) {
    std::copy_n(balance.slope(t), scores_TE.size(1),
                slopes_TE.data_ptr<float>() + t * scores_TE.size(1));
  }
  const auto shares_TE = scores_TE / (scores_TE.sum({-1}, true) + 1e-20);
  const auto loss = (shares_TE * slopes_TE.to(scores_TE.device())).sum();
  if (!is_recorded({y_TD, loss})) return y_TD;
  auto out_TD = y_TD.detach();
  record({y_TD, loss}, {out_TD}, "balance_loss", [options = loss.options()](const Gradients& dy) {
    return Gradients{dy[0], at::ones({}, options.requires_grad(false))};
  });
  return out_TD;
}

}  // namespace

at::Tensor reference_activation(const at::Tensor& gate, Activation activation) {
  return activation == Activation::silu ? at::silu(gate) : at::gelu(gate, "tanh");
}

at::Tensor reference_mixture(
    const at::Tensor& h_TD, const Mixture& mixture, const at::Tensor& residual_TD,
    const at::Tensor& router, const LayerRouting& routing, ThreadTeam& team,
    const std::function<at::Tensor(const Linear&, const at::Tensor&)>& linear) {
  const auto& shape = mixture.shape;
  const int64_t T = h_TD.size(0);
  const int64_t D = h_TD.size(1);
  const int64_t K = shape.per_token;
  const auto device = h_TD.device();
  const auto logits_TE = at::linear(h_TD.to(at::kFloat), router);
  const auto scores_TE = shape.scoring == kernels::RouterScoring::sigmoid
                             ? at::sigmoid(logits_TE)
                             : at::softmax(logits_TE, -1);
  // Chosen on the CPU, where equals are told apart as the kernels do.
  const auto host_TE = scores_TE.detach().to(at::kCPU).contiguous();
  const auto bias =
      mixture.choice_bias ? mixture.choice_bias->value.to(at::kCPU).contiguous() : at::Tensor();
  const auto chosen = route(const_rows(host_TE), bias.defined() ? bias.data_ptr<float>() : nullptr,
                            shape, mixture.layer, routing, team);
  const auto weights_TK = expert_weights(scores_TE, longs(chosen, {T, K}, device), shape);

  // Each of the T * K rows is read once, so that no sum of gradients has an order of its own.
  const kernels::ExpertRows rows(chosen, shape.per_token, shape.num_experts);
  std::vector<int64_t> order(rows.place.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[static_cast<size_t>(rows.place[i])] = static_cast<int64_t>(i);
  }
  const auto h_ND = h_TD.unsqueeze(1)
                        .expand({T, K, D})
                        .reshape({T * K, D})
                        .index_select(0, longs(order, {T * K}, device));
  std::vector<at::Tensor> parts;
  for (const auto& group : rows.groups) {
    const auto e = static_cast<size_t>(group.expert);
    const auto x = h_ND.narrow(0, group.begin, group.end - group.begin);
    const auto gate = reference_activation(linear(mixture.gate[e], x), mixture.activation);
    const auto inner = gate * linear(mixture.up[e], x);
    parts.push_back(linear(mixture.down[e], inner).to(at::kFloat));
  }
  if (parts.empty()) return residual_TD;
  const auto out_TKD =
      at::cat(parts, 0).index_select(0, longs(rows.place, {T * K}, device)).reshape({T, K, D});
  auto y_TD = residual_TD;
  for (int64_t k = 0; k < K; ++k) {
    y_TD = y_TD + out_TKD.select(1, k) * weights_TK.narrow(1, k, 1);
  }
  const auto balance = balance_of(chosen, shape, routing);
  if (!balance) return y_TD;
  note_balance(balance->loss(const_rows(host_TE)), mixture.layer, routing);
  return with_balance(y_TD, scores_TE, *balance);
}

}  // namespace gradus::policy
