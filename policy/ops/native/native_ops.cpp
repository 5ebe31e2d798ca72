// Shapes: T rows, D width, I feed-forward width, H query heads.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include <utility>

#include "policy/kernels/optimizer/adamw.h"
#include "policy/kernels/rowwise.h"
#include "policy/ops/autograd.h"
#include "policy/ops/native/latent.h"
#include "policy/ops/native/linear.h"
#include "policy/ops/native/mixture.h"
#include "policy/ops/native/plan.h"
#include "policy/ops/native/scores.h"
#include "policy/ops/ops.h"
#include "policy/ops/rounding.h"
#include "policy/ops/tensor_views.h"

namespace gradus::policy {
namespace {

using kernels::Type;

class NativeOps : public Ops {
 public:
  explicit NativeOps(at::ScalarType dtype) : dtype_(dtype), type_(kernel_type(dtype)) {}

  void publish(Weight& weight, const at::Tensor& value, ThreadTeam& team) const override {
    const at::Tensor rounded = rounded_value(weight, value, team);
    weight.packed.pack(team, rows_of(rounded), kernels::PackedMatrix::Source::rows_are_outputs,
                       weight.is_float32 ? Type::f32 : type_);
  }

  at::Tensor embedding(const Weight& table, const std::vector<int64_t>& ids,
                       ThreadTeam& team) const override {
    auto x_TD = new_rows(std::ssize(ids), table.in, at::kFloat);
    kernels::embedding(team, rows_of(table.value), ids, rows_of(x_TD));
    if (type_ == Type::bf16 && table.value.scalar_type() == at::kFloat) {
      // The value that a bf16 checkpoint of these weights would hold.
      auto rounded = at::empty({x_TD.numel()}, at::kBFloat16);
      auto* bits = static_cast<uint16_t*>(rounded.data_ptr());
      kernels::to_bf16(team, floats(x_TD), bits, x_TD.numel());
      kernels::to_f32(team, bits, x_TD.data_ptr<float>(), x_TD.numel());
    }
    if (!at::GradMode::is_enabled()) return x_TD;
    // Ids have no gradient: a leaf of no size's use makes the layers above part of the graph.
    const auto anchor = at::zeros({1}).requires_grad_(true);
    record({anchor}, {x_TD}, "embedding", [ids, grad = table.grad, &team](const Gradients& dx) {
      if (grad.defined()) {
        kernels::embedding_backward(team, ids, rows_of(dx[0].contiguous()), rows_of(grad));
      }
      return Gradients{at::Tensor()};
    });
    return x_TD;
  }

  std::vector<at::Tensor> norm_linears(const at::Tensor& x_TD, const Norm* norm,
                                       std::span<const Linear* const> linears, bool use_adapters,
                                       ThreadTeam& team) const override {
    const bool recorded = is_recorded({x_TD});
    auto inv_rms = recorded ? at::empty({x_TD.size(0)}, at::kFloat) : at::Tensor();
    const auto normed_TD = normalized(x_TD, norm, inv_rms, team);
    std::vector<at::Tensor> outputs;
    for (const Linear* linear : linears) {
      outputs.push_back(product(*linear, use_adapters, team).apply(normed_TD, {}));
    }
    if (!recorded) return outputs;
    record({x_TD}, outputs, "norm_linears",
           [this, x = x_TD.detach(), norm, inv_rms, use_adapters, &team,
            linears =
                std::vector<const Linear*>(linears.begin(), linears.end())](const Gradients& dy) {
             const auto again_TD = normalized(x, norm, {}, team);
             auto dnormed_TD = new_rows(x.size(0), x.size(1), at::kFloat);
             bool accumulate = false;
             for (size_t i = 0; i < linears.size(); ++i) {
               if (!dy[i].defined()) continue;
               product(*linears[i], use_adapters, team)
                   .backward(again_TD, dy[i].contiguous(), dnormed_TD, accumulate);
               accumulate = true;
             }
             if (!accumulate) return Gradients{at::Tensor()};
             if (norm == nullptr) return Gradients{dnormed_TD};
             auto dx_TD = at::empty_like(x);
             kernels::rms_norm_backward(team, rows_of(x), floats(norm->weight.value),
                                        floats(inv_rms), rows_of(dnormed_TD), rows_of(dx_TD), false,
                                        floats(norm->weight.grad));
             return Gradients{dx_TD};
           });
    return outputs;
  }

  at::Tensor linear_residual(const at::Tensor& x, const Linear& linear,
                             const at::Tensor& residual_TD, bool use_adapters,
                             ThreadTeam& team) const override {
    auto y_TD = product(linear, use_adapters, team).apply(x, residual_TD);
    if (!is_recorded({x, residual_TD})) return y_TD;
    record({x, residual_TD}, {y_TD}, "linear_residual",
           [this, x = x.detach(), &linear, use_adapters, &team](const Gradients& dy) {
             auto dx = at::empty_like(x);
             product(linear, use_adapters, team).backward(x, dy[0].contiguous(), dx, false);
             return Gradients{dx, dy[0]};
           });
    return y_TD;
  }

  at::Tensor gated_residual(const GatedInner& inner, const Linear& down,
                            const at::Tensor& residual_TD, bool use_adapters,
                            ThreadTeam& team) const override {
    auto y_TD = product(down, use_adapters, team).apply(gated(inner, team), residual_TD);
    if (!is_recorded({inner.gate_TI, inner.up_TI, residual_TD})) return y_TD;
    const GatedInner kept{inner.gate_TI.detach(), inner.up_TI.detach(), inner.activation};
    record({inner.gate_TI, inner.up_TI, residual_TD}, {y_TD}, "gated_residual",
           [this, kept, &down, use_adapters, &team](const Gradients& dy) {
             const auto h_TI = gated(kept, team);
             auto dh_TI = at::empty_like(h_TI);
             product(down, use_adapters, team).backward(h_TI, dy[0].contiguous(), dh_TI, false);
             auto dgate_TI = at::empty_like(kept.gate_TI);
             auto dup_TI = at::empty_like(kept.up_TI);
             kernels::gate_mul_backward(team, gate_function(kept.activation), rows_of(kept.gate_TI),
                                        rows_of(kept.up_TI), rows_of(dh_TI), rows_of(dgate_TI),
                                        rows_of(dup_TI));
             return Gradients{dgate_TI, dup_TI, dy[0]};
           });
    return y_TD;
  }

  at::Tensor norm_residual(const at::Tensor& y_TD, const Norm& norm, const at::Tensor& residual_TD,
                           ThreadTeam& team) const override {
    const bool recorded = is_recorded({y_TD, residual_TD});
    auto inv_rms = recorded ? at::empty({y_TD.size(0)}, at::kFloat) : at::Tensor();
    auto sum_TD = new_rows(y_TD.size(0), y_TD.size(1), at::kFloat);
    kernels::rms_norm(team, rows_of(y_TD), floats(norm.weight.value), norm.eps, rows_of(sum_TD),
                      floats(inv_rms));
    sum_TD.add_(residual_TD.detach());
    if (!recorded) return sum_TD;
    record({y_TD, residual_TD}, {sum_TD}, "norm_residual",
           [y = y_TD.detach(), &norm, inv_rms, &team](const Gradients& dsum) {
             auto dy = at::empty_like(y);
             kernels::rms_norm_backward(team, rows_of(y), floats(norm.weight.value),
                                        floats(inv_rms), rows_of(dsum[0].contiguous()), rows_of(dy),
                                        false, floats(norm.weight.grad));
             return Gradients{dy, dsum[0]};
           });
    return sum_TD;
  }

  at::Tensor mixture_residual(const at::Tensor& x_TD, const Norm* norm, const Mixture& mixture,
                              const at::Tensor& residual_TD, bool use_adapters,
                              const LayerRouting& routing, ThreadTeam& team) const override {
    return native_mixture(x_TD, norm, mixture, residual_TD, use_adapters, routing, dtype_, team);
  }

  at::Tensor norm(const at::Tensor& x, const Norm& norm, int groups,
                  ThreadTeam& team) const override {
    const int64_t width = x.size(1) / groups;
    const bool recorded = is_recorded({x});
    auto inv_rms = recorded ? at::empty({x.size(0) * groups}, at::kFloat) : at::Tensor();
    auto y = new_rows(x.size(0), x.size(1), dtype_);
    kernels::rms_norm(team, rows_of(x, width), floats(norm.weight.value), norm.eps,
                      rows_of(y, width), floats(inv_rms));
    if (!recorded) return y;
    record({x}, {y}, "norm", [x = x.detach(), &norm, inv_rms, width, &team](const Gradients& dy) {
      auto dx = at::empty_like(x);
      kernels::rms_norm_backward(team, rows_of(x, width), floats(norm.weight.value),
                                 floats(inv_rms), rows_of(dy[0].contiguous(), width),
                                 rows_of(dx, width), false, floats(norm.weight.grad));
      return Gradients{dx};
    });
    return y;
  }

  at::Tensor rope(const at::Tensor& x, const std::shared_ptr<const std::vector<int32_t>>& positions,
                  const RopeTable& table, int heads, ThreadTeam& team) const override {
    kernels::RopeShape shape;
    shape.heads = heads;
    shape.head_dim = static_cast<int>(x.size(1)) / heads;
    shape.rope_dim = static_cast<int>(table.cos.size(1)) * 2;
    shape.interleaved = table.interleaved;
    auto y = x.detach();
    kernels::rope(team, rows_of(y), *positions, floats(table.cos), floats(table.sin), shape, false);
    if (!is_recorded({x})) return y;
    record({x}, {y}, "rope", [positions, table, shape, &team](const Gradients& dy) {
      auto dx = dy[0].contiguous().clone();
      kernels::rope(team, rows_of(dx), *positions, floats(table.cos), floats(table.sin), shape,
                    true);
      return Gradients{dx};
    });
    return y;
  }

  std::shared_ptr<AttentionPlan> plan(const PackedBatch& batch, const AttentionArgs& shape,
                                      ThreadTeam&) const override {
    kernels::KvLayout layout;
    layout.kv_heads = shape.kv_heads;
    layout.key_dim = shape.key_dim;
    layout.value_dim = shape.value_dim;
    layout.type = type_;
    return plan_packed(batch, layout);
  }
  std::shared_ptr<AttentionPlan> plan(const DecodeBatch& batch, KvCache& cache,
                                      ThreadTeam&) const override {
    return plan_paged(batch, cache);
  }

  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const AttentionArgs& args, const std::shared_ptr<AttentionPlan>& plan,
                       ThreadTeam& team) const override {
    auto* native = static_cast<NativePlan*>(plan.get());
    const auto layer = native->layer(args.layer);
    kernels::kv_write(team, rows_of(k), rows_of(v), native->slots, layer);
    if (!native->copied_rows.empty()) {
      const auto rows =
          at::from_blob(native->copied_rows.data(), {std::ssize(native->copied_rows)}, at::kLong);
      kernels::kv_write(team, rows_of(at::index_select(k.detach(), 0, rows)),
                        rows_of(at::index_select(v.detach(), 0, rows)), native->copied_slots,
                        layer);
    }
    const kernels::AttentionShape shape{args.heads, args.scale, args.window};
    const bool recorded = is_recorded({q, k, v});
    auto out = new_rows(q.size(0), int64_t{args.heads} * args.value_dim, dtype_);
    auto lse = recorded ? at::empty({q.size(0) * args.heads}, at::kFloat) : at::Tensor();
    kernels::paged_attention(team, rows_of(q), layer, native->rows, shape, rows_of(out),
                             floats(lse));
    if (!recorded) return out;
    record({q, k, v}, {out}, "attention",
           [plan, native, q = q.detach(), k = k.detach(), v = v.detach(), out = out.detach(), lse,
            shape, kv_heads = args.kv_heads, &team](const Gradients& dout) {
             auto dq = at::empty_like(q);
             auto dk = at::empty_like(k);
             auto dv = at::empty_like(v);
             const kernels::AttentionTensors tensors{rows_of(q), rows_of(k), rows_of(v),
                                                     rows_of(out), floats(lse)};
             kernels::attention_backward(team, tensors, rows_of(dout[0].contiguous()),
                                         native->segments, kv_heads, shape, rows_of(dq),
                                         rows_of(dk), rows_of(dv));
             return Gradients{dq, dk, dv};
           });
    return out;
  }

  std::pair<at::Tensor, at::Tensor> latent_keys(const at::Tensor& kv, const at::Tensor& k_rope,
                                                const LatentArgs& args,
                                                ThreadTeam& team) const override {
    return native_latent_keys(kv, k_rope, args, team);
  }
  void absorb(AbsorbedWeights& weights, const at::Tensor& kv_b, const LatentArgs& args,
              ThreadTeam& team) const override {
    native_absorb(weights, kv_b, args, type_, team);
  }
  at::Tensor latent_attention(const at::Tensor& q, const at::Tensor& entries,
                              const AbsorbedWeights& weights, const LatentArgs& args,
                              const std::shared_ptr<AttentionPlan>& plan,
                              ThreadTeam& team) const override {
    return native_latent_attention(q, entries, weights, args, *plan, team);
  }

  at::Tensor logits(const at::Tensor& hidden, const Linear& head, std::span<const int64_t> rows,
                    ThreadTeam& team) const override {
    return native_logits(hidden, head, rows, dtype_, team);
  }
  at::Tensor recorded_logits(const at::Tensor& hidden, const Linear& head,
                             std::span<const int64_t> rows, ThreadTeam& team) const override {
    return native_recorded_logits(hidden, head, rows, dtype_, team);
  }
  Scores score(const at::Tensor& hidden, const Linear& head, const ScoreList& list,
               double temperature, int chunk_rows, ThreadTeam& team, HeadUse use) const override {
    return native_score(hidden, head, list, {temperature, chunk_rows, use, dtype_}, team);
  }

 private:
  NativeLinear product(const Linear& linear, bool use_adapters, ThreadTeam& team) const {
    return {linear, use_adapters, dtype_, team};
  }

  /// norm(x), or x where there is none, in the compute dtype.
  at::Tensor normalized(const at::Tensor& x_TD, const Norm* norm, const at::Tensor& inv_rms,
                        ThreadTeam& team) const {
    if (norm == nullptr) return x_TD.detach().to(dtype_);
    auto y_TD = new_rows(x_TD.size(0), x_TD.size(1), dtype_);
    kernels::rms_norm(team, rows_of(x_TD), floats(norm->weight.value), norm->eps, rows_of(y_TD),
                      floats(inv_rms));
    return y_TD;
  }

  static at::Tensor gated(const GatedInner& inner, ThreadTeam& team) {
    auto h = at::empty_like(inner.gate_TI);
    kernels::gate_mul(team, gate_function(inner.activation), rows_of(inner.gate_TI),
                      rows_of(inner.up_TI), rows_of(h));
    return h;
  }

  at::ScalarType dtype_;
  Type type_;
};

}  // namespace

std::unique_ptr<Ops> make_native_ops(at::ScalarType compute_dtype) {
  return std::make_unique<NativeOps>(compute_dtype);
}

}  // namespace gradus::policy
