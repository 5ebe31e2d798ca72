// Shapes: T rows, D width, E experts of inner size M, K chosen per row, N = T * K rows sorted by
// expert.
#include "policy/ops/native/mixture.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include "policy/kernels/expert_rows.h"
#include "policy/kernels/matmul.h"
#include "policy/kernels/rowwise.h"
#include "policy/ops/autograd.h"
#include "policy/ops/native/grouped_linear.h"
#include "policy/ops/tensor_views.h"

namespace gradus::policy {
namespace {

using kernels::ExpertRows;
using kernels::Type;

/// One layer's call: what forward and backward passes have in common.
class NativeMixture {
 public:
  NativeMixture(const Norm* norm, const Mixture& mixture, bool use_adapters, at::ScalarType dtype,
                ThreadTeam& team)
      : norm_(norm), mixture_(mixture), use_adapters_(use_adapters), dtype_(dtype), team_(team) {}

  /// What the backward pass needs of the forward pass.
  struct Kept {
    at::Tensor x_TD;
    at::Tensor inv_rms_T;
    at::Tensor scores_TE;
    std::vector<int32_t> chosen;  ///< [T * K]
    std::vector<float> weights;   ///< [T * K]
    std::shared_ptr<const kernels::SequenceBalance> balance;
    std::shared_ptr<const ExpertRows> rows;
    at::Tensor gate_NM;
    at::Tensor up_NM;
  };

  at::Tensor forward(const at::Tensor& residual_TD, const LayerRouting& routing, Kept& kept) const {
    const auto h_TD = normed(kept.x_TD, kept.inv_rms_T);
    kept.scores_TE = scores(h_TD);
    kept.chosen =
        route(rows_of(kept.scores_TE), bias(), mixture_.shape, mixture_.layer, routing, team_);
    kept.weights.resize(kept.chosen.size());
    kernels::expert_weights(team_, rows_of(kept.scores_TE), kept.chosen, mixture_.shape,
                            kept.weights);
    kept.balance = balance_of(kept.chosen, mixture_.shape, routing);
    if (kept.balance) {
      note_balance(kept.balance->loss(rows_of(kept.scores_TE)), mixture_.layer, routing);
    }
    kept.rows = std::make_shared<ExpertRows>(kept.chosen, mixture_.shape.per_token,
                                             mixture_.shape.num_experts);
    const auto h_ND = gathered(h_TD, *kept.rows);
    kept.gate_NM = grouped(mixture_.gate, *kept.rows).apply(h_ND, dtype_);
    kept.up_NM = grouped(mixture_.up, *kept.rows).apply(h_ND, dtype_);
    const auto out_ND =
        grouped(mixture_.down, *kept.rows).apply(gated(kept.gate_NM, kept.up_NM), at::kFloat);
    auto y_TD = residual_TD.detach().clone();
    kernels::add_rows(team_, rows_of(out_ND), *kept.rows, kept.weights, rows_of(y_TD));
    return y_TD;
  }

  /// Gradient of x; that of the residual is dy.
  at::Tensor backward(const Kept& kept, const at::Tensor& dy_TD) const {
    const ExpertRows& rows = *kept.rows;
    const auto h_TD = normed(kept.x_TD, {});
    const auto h_ND = gathered(h_TD, rows);
    std::vector<float> dweights(kept.weights.size());
    const auto [dgate_NM, dup_NM] = through_down(kept, dy_TD, dweights);
    auto dh_ND = at::empty(h_ND.sizes(), at::kFloat);
    grouped(mixture_.gate, rows).backward(h_ND, dgate_NM, dh_ND, false);
    grouped(mixture_.up, rows).backward(h_ND, dup_NM, dh_ND, true);
    auto dh_TD = through_router(kept, h_TD, dweights);
    kernels::add_rows(team_, rows_of(dh_ND), rows, {}, rows_of(dh_TD));
    if (norm_ == nullptr) return dh_TD;
    auto dx_TD = at::empty_like(kept.x_TD);
    kernels::rms_norm_backward(team_, rows_of(kept.x_TD), floats(norm_->weight.value),
                               floats(kept.inv_rms_T), rows_of(dh_TD), rows_of(dx_TD), false,
                               floats(norm_->weight.grad));
    return dx_TD;
  }

 private:
  const float* bias() const {
    return mixture_.choice_bias ? floats(mixture_.choice_bias->value) : nullptr;
  }

  GroupedLinear grouped(const std::vector<Linear>& experts, const ExpertRows& rows) const {
    return GroupedLinear(experts, rows, use_adapters_, dtype_, team_);
  }

  at::Tensor normed(const at::Tensor& x_TD, const at::Tensor& inv_rms_T) const {
    if (norm_ == nullptr) return x_TD.to(dtype_);
    auto h_TD = at::empty(x_TD.sizes(), dtype_);
    kernels::rms_norm(team_, rows_of(x_TD), floats(norm_->weight.value), norm_->eps, rows_of(h_TD),
                      floats(inv_rms_T));
    return h_TD;
  }

  at::Tensor gathered(const at::Tensor& x_TD, const ExpertRows& rows) const {
    auto x_ND = at::empty({rows.size(), x_TD.size(1)}, dtype_);
    kernels::gather_rows(team_, rows_of(x_TD), rows, rows_of(x_ND));
    return x_ND;
  }

  at::Tensor gated(const at::Tensor& gate_NM, const at::Tensor& up_NM) const {
    auto h_NM = at::empty_like(gate_NM);
    kernels::gate_mul(team_, gate_function(mixture_.activation), rows_of(gate_NM), rows_of(up_NM),
                      rows_of(h_NM));
    return h_NM;
  }

  at::Tensor scores(const at::Tensor& h_TD) const {
    auto scores_TE = at::empty({h_TD.size(0), mixture_.router.out}, at::kFloat);
    kernels::matmul(team_, rows_of(h_TD.to(at::kFloat)), mixture_.router.packed,
                    rows_of(scores_TE));
    kernels::router_scores(team_, rows_of(scores_TE), mixture_.shape.scoring);
    return scores_TE;
  }

  /// From dy to the gradients of gate and up, and of the experts' weights. With o = down(h) of a
  /// choice: d/dw = dy . o = (down^T dy) . h, which needs no o, and d/dh = w down^T dy.
  std::pair<at::Tensor, at::Tensor> through_down(const Kept& kept, const at::Tensor& dy_TD,
                                                 std::vector<float>& dweights) const {
    const ExpertRows& rows = *kept.rows;
    const auto h_NM = gated(kept.gate_NM, kept.up_NM);
    auto weighted_NM = at::empty_like(h_NM);
    kernels::scale_rows(team_, rows_of(h_NM), rows, kept.weights, rows_of(weighted_NM));
    auto dh_NM = at::empty(h_NM.sizes(), at::kFloat);
    grouped(mixture_.down, rows).backward(weighted_NM, gathered(dy_TD, rows), dh_NM, false);
    kernels::dot_rows(team_, rows_of(dh_NM), rows_of(h_NM), rows, dweights);
    kernels::scale_rows(team_, rows_of(dh_NM), rows, kept.weights, rows_of(dh_NM));
    auto dgate_NM = at::empty_like(kept.gate_NM);
    auto dup_NM = at::empty_like(kept.up_NM);
    kernels::gate_mul_backward(team_, gate_function(mixture_.activation), rows_of(kept.gate_NM),
                               rows_of(kept.up_NM), rows_of(dh_NM), rows_of(dgate_NM),
                               rows_of(dup_NM));
    return {dgate_NM, dup_NM};
  }

  /// The router's share of the gradient of h, float32; adds the router's own.
  at::Tensor through_router(const Kept& kept, const at::Tensor& h_TD,
                            const std::vector<float>& dweights) const {
    const auto dlogits_TE = at::empty_like(kept.scores_TE);
    kernels::router_backward(team_, rows_of(kept.scores_TE), kept.chosen, mixture_.shape, dweights,
                             kept.balance.get(), rows_of(dlogits_TE));
    if (mixture_.router.is_trained()) {
      kernels::matmul_transposed(team_, rows_of(dlogits_TE), rows_of(h_TD.to(at::kFloat)),
                                 rows_of(mixture_.router.grad), true, Type::f32);
    }
    kernels::PackedMatrix columns;
    columns.pack(team_, rows_of(mixture_.router.value),
                 kernels::PackedMatrix::Source::rows_are_inputs, Type::f32);
    auto dh_TD = at::empty(h_TD.sizes(), at::kFloat);
    kernels::matmul(team_, rows_of(dlogits_TE), columns, rows_of(dh_TD));
    return dh_TD;
  }

  const Norm* norm_;
  const Mixture& mixture_;
  bool use_adapters_;
  at::ScalarType dtype_;
  ThreadTeam& team_;
};

}  // namespace

at::Tensor native_mixture(const at::Tensor& x_TD, const Norm* norm, const Mixture& mixture,
                          const at::Tensor& residual_TD, bool use_adapters,
                          const LayerRouting& routing, at::ScalarType dtype, ThreadTeam& team) {
  const bool recorded = is_recorded({x_TD, residual_TD});
  const NativeMixture layer(norm, mixture, use_adapters, dtype, team);
  NativeMixture::Kept kept;
  kept.x_TD = x_TD.detach();
  if (recorded) kept.inv_rms_T = at::empty({x_TD.size(0)}, at::kFloat);
  auto y_TD = layer.forward(residual_TD, routing, kept);
  if (!recorded) return y_TD;
  record({x_TD, residual_TD}, {y_TD}, "mixture", [layer, kept](const Gradients& dy) {
    return Gradients{layer.backward(kept, dy[0].contiguous()), dy[0]};
  });
  return y_TD;
}

}  // namespace gradus::policy
