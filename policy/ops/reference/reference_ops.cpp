// Plain ATen operations with ATen's own autograd: what the native kernels are compared with, and
// the way on devices other than the CPU.
// Shapes: T rows, D width, V vocabulary.
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "policy/kernels/rounding.h"
#include "policy/ops/autograd.h"
#include "policy/ops/device/fp8_product.h"
#include "policy/ops/ops.h"
#include "policy/ops/reference/attention.h"
#include "policy/ops/reference/mixture.h"
#include "policy/ops/rounding.h"

namespace gradus::policy {
namespace {

class ReferenceOps : public Ops {
 public:
  ReferenceOps(at::ScalarType dtype, at::Device device, bool has_fp8_units)
      : dtype_(dtype), device_(device), has_fp8_units_(has_fp8_units) {}

  void publish(Weight& weight, const at::Tensor& value, ThreadTeam& team) const override {
    at::NoGradGuard no_grad;
    if (has_fp8_units_ && weight.has_fp8_products) {
      weight.fp8 = to_fp8(value, kernels::kFp8Tile);
      weight.fp8_transposed = to_fp8(value.t(), kernels::kFp8Tile);
      return;
    }
    weight.compute =
        rounded_value(weight, value.detach(), team).to(weight.is_float32 ? at::kFloat : dtype_);
  }

  at::Tensor embedding(const Weight& table, const std::vector<int64_t>& ids,
                       ThreadTeam&) const override {
    const auto rows = at::embedding(compute(table), as_longs(ids, device_));
    return rows.to(at::kFloat);
  }

  std::vector<at::Tensor> norm_linears(const at::Tensor& x_TD, const Norm* n,
                                       std::span<const Linear* const> linears, bool use_adapters,
                                       ThreadTeam& team) const override {
    const auto normed_TD = block_input(x_TD, n, team);
    std::vector<at::Tensor> outputs;
    for (const Linear* linear : linears)
      outputs.push_back(apply(*linear, normed_TD, use_adapters, team));
    return outputs;
  }

  at::Tensor linear_residual(const at::Tensor& x, const Linear& linear,
                             const at::Tensor& residual_TD, bool use_adapters,
                             ThreadTeam& team) const override {
    return residual_TD + apply(linear, x, use_adapters, team).to(at::kFloat);
  }

  at::Tensor gated_residual(const GatedInner& inner, const Linear& down,
                            const at::Tensor& residual_TD, bool use_adapters,
                            ThreadTeam& team) const override {
    const auto h_TI = reference_activation(inner.gate_TI, inner.activation) * inner.up_TI;
    return residual_TD + apply(down, h_TI, use_adapters, team).to(at::kFloat);
  }

  at::Tensor norm_residual(const at::Tensor& y_TD, const Norm& n, const at::Tensor& residual_TD,
                           ThreadTeam&) const override {
    return residual_TD + normed(y_TD, n, 1);
  }

  at::Tensor mixture_residual(const at::Tensor& x_TD, const Norm* n, const Mixture& mixture,
                              const at::Tensor& residual_TD, bool use_adapters,
                              const LayerRouting& routing, ThreadTeam& team) const override {
    return reference_mixture(block_input(x_TD, n, team), mixture, residual_TD,
                             compute(mixture.router), routing, team,
                             [&](const Linear& linear, const at::Tensor& x) {
                               return apply(linear, x, use_adapters, team);
                             });
  }

  at::Tensor norm(const at::Tensor& x, const Norm& norm, int groups, ThreadTeam&) const override {
    return normed(x, norm, groups).to(dtype_);
  }

  at::Tensor rope(const at::Tensor& x, const std::shared_ptr<const std::vector<int32_t>>& positions,
                  const RopeTable& table, int heads, ThreadTeam&) const override {
    const std::vector<int64_t> places(positions->begin(), positions->end());
    const auto ids = as_longs(places, device_);
    const auto cos = table.cos.index_select(0, ids).unsqueeze(1);  // [T, 1, rope_dim / 2]
    const auto sin = table.sin.index_select(0, ids).unsqueeze(1);
    const int64_t rope_dim = table.cos.size(1) * 2;
    const auto wide = x.to(at::kFloat).reshape({x.size(0), heads, -1});
    const auto kept = wide.narrow(2, 0, wide.size(2) - rope_dim);
    const auto turned = wide.narrow(2, wide.size(2) - rope_dim, rope_dim);
    at::Tensor rotated;
    if (table.interleaved) {
      const auto pairs = turned.reshape({x.size(0), heads, rope_dim / 2, 2});
      const auto a = pairs.select(3, 0);
      const auto b = pairs.select(3, 1);
      rotated = at::stack({a * cos - b * sin, b * cos + a * sin}, 3).reshape(turned.sizes());
    } else {
      const auto a = turned.narrow(2, 0, rope_dim / 2);
      const auto b = turned.narrow(2, rope_dim / 2, rope_dim / 2);
      rotated = at::cat({a * cos - b * sin, b * cos + a * sin}, 2);
    }
    return at::cat({kept, rotated}, 2).reshape(x.sizes()).to(dtype_);
  }

  std::shared_ptr<AttentionPlan> plan(const PackedBatch& batch, const AttentionArgs&,
                                      ThreadTeam&) const override {
    return reference_plan(batch, device_);
  }
  std::shared_ptr<AttentionPlan> plan(const DecodeBatch& batch, KvCache& cache,
                                      ThreadTeam&) const override {
    return reference_plan(batch, cache, device_);
  }

  at::Tensor attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const AttentionArgs& args, const std::shared_ptr<AttentionPlan>& plan,
                       ThreadTeam& team) const override {
    return reference_attention(q, k, v, args, *plan, {dtype_, device_}, team);
  }

  std::pair<at::Tensor, at::Tensor> latent_keys(const at::Tensor& kv, const at::Tensor& k_rope,
                                                const LatentArgs& args,
                                                ThreadTeam&) const override {
    const int64_t T = kv.size(0);
    const auto heads = kv.reshape({T, args.heads, args.nope_dim + args.value_dim});
    const auto rope = k_rope.unsqueeze(1).expand({T, args.heads, args.rope_dim});
    auto k = at::cat({heads.narrow(2, 0, args.nope_dim), rope}, 2);
    if (args.query_dim() % 2 != 0) k = at::constant_pad_nd(k, {0, 1});
    return {k.reshape({T, -1}), heads.narrow(2, args.nope_dim, args.value_dim).reshape({T, -1})};
  }

  void absorb(AbsorbedWeights& weights, const at::Tensor& kv_b, const LatentArgs& args,
              ThreadTeam&) const override {
    at::NoGradGuard no_grad;
    weights.compute = kv_b.detach()
                          .reshape({args.heads, args.nope_dim + args.value_dim, args.latent_dim})
                          .to(dtype_);
  }

  at::Tensor latent_attention(const at::Tensor& q, const at::Tensor& entries,
                              const AbsorbedWeights& weights, const LatentArgs& args,
                              const std::shared_ptr<AttentionPlan>& plan,
                              ThreadTeam& team) const override {
    return reference_latent_attention(q, entries, weights, args, *plan, {dtype_, device_}, team);
  }

  at::Tensor logits(const at::Tensor& hidden, const Linear& head, std::span<const int64_t> rows,
                    ThreadTeam&) const override {
    at::NoGradGuard no_grad;
    return head_logits(hidden.detach(), head, rows, {true, false});
  }

  at::Tensor recorded_logits(const at::Tensor& hidden, const Linear& head,
                             std::span<const int64_t> rows, ThreadTeam&) const override {
    return head_logits(hidden, head, rows, {true, true});
  }

  Scores score(const at::Tensor& hidden, const Linear& head, const ScoreList& list,
               double temperature, int chunk_rows, ThreadTeam&, HeadUse use) const override {
    std::vector<at::Tensor> logprobs;
    std::vector<at::Tensor> entropies;
    const int64_t count = std::ssize(list.rows);
    for (int64_t begin = 0; begin < count; begin += chunk_rows) {
      const auto n = static_cast<size_t>(std::min<int64_t>(chunk_rows, count - begin));
      const auto rows = std::span(list.rows).subspan(static_cast<size_t>(begin), n);
      const auto targets = std::vector<int64_t>(
          list.targets.begin() + begin, list.targets.begin() + begin + static_cast<int64_t>(n));
      const auto log_p = at::log_softmax(head_logits(hidden, head, rows, use) / temperature, -1);
      logprobs.push_back(log_p.gather(1, as_longs(targets, device_).unsqueeze(1)).squeeze(1));
      entropies.push_back(-(log_p.exp() * log_p).sum(-1));
    }
    if (logprobs.empty()) return {at::zeros({0}, at::kFloat), at::zeros({0}, at::kFloat)};
    return {at::cat(logprobs), at::cat(entropies)};
  }

 private:
  static at::Tensor normed(const at::Tensor& x, const Norm& norm, int groups) {
    const auto parts = x.to(at::kFloat).reshape({x.size(0), groups, x.size(1) / groups});
    const auto scaled = parts * at::rsqrt(parts.square().mean({-1}, true) + norm.eps);
    return (scaled * norm.weight.value).reshape(x.sizes());
  }

  at::Tensor block_input(const at::Tensor& x_TD, const Norm* n, ThreadTeam& team) const {
    return n != nullptr ? norm(x_TD, *n, 1, team) : x_TD.to(dtype_);
  }

  /// The weight in the compute dtype; with grad mode on, a function of the trained value.
  at::Tensor compute(const Weight& weight) const {
    return at::GradMode::is_enabled() && weight.is_trained()
               ? weight.value.to(weight.is_float32 ? at::kFloat : dtype_)
               : weight.compute;
  }

  at::Tensor apply(const Linear& linear, const at::Tensor& x, bool use_adapters,
                   ThreadTeam& team) const {
    auto y = linear.weight.has_fp8_products ? fp8_linear(linear.weight, x, team)
                                            : at::linear(x, compute(linear.weight));
    if (linear.bias) y = y + linear.bias->value.to(dtype_);
    if (use_adapters && linear.adapter) {
      const auto& adapter = *linear.adapter;
      y = y + at::linear(at::linear(x, compute(adapter.a)) * adapter.scale, compute(adapter.b));
    }
    return y;
  }

  /// x W^T with all three products of forward and backward in FP8.
  at::Tensor fp8_linear(const Weight& weight, const at::Tensor& x, ThreadTeam& team) const {
    const at::Tensor held = x.detach();
    at::Tensor y;
    {
      at::NoGradGuard no_grad;
      y = has_fp8_units_ ? fp8_product(to_fp8(held, 1), weight.fp8).to(dtype_)
                         : at::linear(fp8_rows(held, team), weight.compute);
    }
    if (!is_recorded({x})) return y;
    record({x}, {y}, "fp8_linear", [this, held, &weight, &team](const Gradients& grads) {
      const at::Tensor& dy = grads[0];
      if (weight.is_trained()) weight.grad.add_(weight_gradient(dy, held, team));
      return Gradients{has_fp8_units_ ? fp8_product(to_fp8(dy, 1), weight.fp8_transposed).to(dtype_)
                                      : at::matmul(fp8_rows(dy, team), weight.compute)};
    });
    return y;
  }

  /// dy^T x, float32. Its sum runs over rows, and so do the tiles.
  at::Tensor weight_gradient(const at::Tensor& dy, const at::Tensor& x, ThreadTeam& team) const {
    if (has_fp8_units_) return fp8_product(to_fp8(dy.t(), 1), to_fp8(x.t(), 1));
    return at::matmul(fp8_columns(dy, team).t(), fp8_columns(x, team)).to(at::kFloat);
  }

  at::Tensor head_logits(const at::Tensor& hidden, const Linear& head,
                         std::span<const int64_t> rows, HeadUse use) const {
    const auto ids = as_longs(std::vector<int64_t>(rows.begin(), rows.end()), device_);
    const auto rows_RD = hidden.index_select(0, ids);
    const auto form = [&](const Weight& weight) {
      return use.trained ? compute(weight) : weight.compute;
    };
    auto y = at::linear(rows_RD, form(head.weight));
    if (head.bias) y = y + head.bias->value.to(dtype_);
    if (use.adapters && head.adapter) {
      const auto& adapter = *head.adapter;
      y = y + at::linear(at::linear(rows_RD, form(adapter.a)) * adapter.scale, form(adapter.b));
    }
    return y.to(at::kFloat);
  }

  at::ScalarType dtype_;
  at::Device device_;
  bool has_fp8_units_;
};

}  // namespace

std::unique_ptr<Ops> make_reference_ops(at::ScalarType compute_dtype, at::Device device,
                                        bool has_fp8_units) {
  return std::make_unique<ReferenceOps>(compute_dtype, device, has_fp8_units);
}

}  // namespace gradus::policy
