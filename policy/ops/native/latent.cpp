// Shapes: T rows, H heads, n and r a head's numbers without and with rope, v its value's.
#include "policy/ops/native/latent.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <cstring>

#include "policy/kernels/kernel_table.h"
#include "policy/kernels/latent_attention.h"
#include "policy/ops/autograd.h"
#include "policy/ops/native/plan.h"
#include "policy/ops/tensor_views.h"

namespace gradus::policy {
namespace {

using kernels::PackedMatrix;

// Rows below which another thread costs more than it brings.
constexpr int64_t kGrainRows = 8;

std::byte* at_head(const kernels::Matrix& m, int64_t row, int64_t col) {
  return static_cast<std::byte*>(m.data) + (row * m.stride + col) * bytes_of(m.type);
}

void copy(const std::byte* from, std::byte* to, int64_t n, kernels::Type type) {
  std::memcpy(to, from, static_cast<size_t>(n * bytes_of(type)));
}

int key_dim(const LatentArgs& args) {
  return (args.query_dim() + 1) / 2 * 2;
}

/// Gradients of kv and k_rope; the rope key's is summed over heads in float32, in their order.
Gradients latent_keys_backward(const Gradients& grads, const LatentArgs& args, int64_t rows,
                               at::ScalarType dtype, ThreadTeam& team) {
  const int width = key_dim(args);
  const auto zeros_or = [&](const at::Tensor& grad, int64_t cols) {
    return grad.defined() ? grad.contiguous() : at::zeros({rows, cols}, dtype);
  };
  const auto dk = zeros_or(grads[0], int64_t{args.heads} * width);
  const auto dv = zeros_or(grads[1], int64_t{args.heads} * args.value_dim);
  auto dkv = at::empty({rows, int64_t{args.heads} * (args.nope_dim + args.value_dim)}, dtype);
  auto drope = at::empty({rows, args.rope_dim}, dtype);
  const auto k = rows_of(dk);
  const auto v = rows_of(dv);
  const auto kv = rows_of(dkv);
  const auto rope = rows_of(drope);
  team.for_range(rows, kGrainRows, [&](int64_t begin, int64_t end) {
    std::vector<float> sum(static_cast<size_t>(args.rope_dim));
    for (int64_t t = begin; t < end; ++t) {
      std::fill(sum.begin(), sum.end(), 0.0F);
      for (int64_t h = 0; h < args.heads; ++h) {
        const int64_t column = h * (args.nope_dim + args.value_dim);
        copy(at_head(k, t, h * width), at_head(kv, t, column), args.nope_dim, kv.type);
        copy(at_head(v, t, h * args.value_dim), at_head(kv, t, column + args.nope_dim),
             args.value_dim, kv.type);
        kernels::kernels().add_to(at_head(k, t, h * width + args.nope_dim), k.type, sum.data(),
                                  args.rope_dim);
      }
      kernels::kernels().convert(sum.data(), kernels::Type::f32, at_head(rope, t, 0), rope.type,
                                 args.rope_dim);
    }
  });
  return {dkv, drope};
}

}  // namespace

std::pair<at::Tensor, at::Tensor> native_latent_keys(const at::Tensor& kv_T,
                                                     const at::Tensor& k_rope,
                                                     const LatentArgs& args, ThreadTeam& team) {
  const int64_t rows = kv_T.size(0);
  const int width = key_dim(args);
  const auto options = at::TensorOptions().dtype(kv_T.scalar_type());
  auto k_T = at::empty({rows, int64_t{args.heads} * width}, options);
  auto v_T = at::empty({rows, int64_t{args.heads} * args.value_dim}, options);
  const auto kv = rows_of(kv_T);
  const auto rope = rows_of(k_rope);
  const auto k = rows_of(k_T);
  const auto v = rows_of(v_T);
  const int64_t spare = width - args.query_dim();
  team.for_range(rows, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t h = 0; h < args.heads; ++h) {
        const int64_t column = h * (args.nope_dim + args.value_dim);
        copy(at_head(kv, t, column), at_head(k, t, h * width), args.nope_dim, k.type);
        copy(at_head(rope, t, 0), at_head(k, t, h * width + args.nope_dim), args.rope_dim, k.type);
        std::memset(at_head(k, t, h * width + args.query_dim()), 0,
                    static_cast<size_t>(spare * bytes_of(k.type)));
        copy(at_head(kv, t, column + args.nope_dim), at_head(v, t, h * args.value_dim),
             args.value_dim, v.type);
      }
    }
  });
  if (is_recorded({kv_T, k_rope})) {
    record({kv_T, k_rope}, {k_T, v_T}, "latent_keys",
           [args, rows, dtype = kv_T.scalar_type(), &team](const Gradients& grads) {
             return latent_keys_backward(grads, args, rows, dtype, team);
           });
  }
  return {k_T, v_T};
}

void native_absorb(AbsorbedWeights& weights, const at::Tensor& kv_b, const LatentArgs& args,
                   kernels::Type type, ThreadTeam& team) {
  const auto w = rows_of(kv_b);
  weights.key.resize(static_cast<size_t>(args.heads));
  weights.value.resize(static_cast<size_t>(args.heads));
  for (int64_t h = 0; h < args.heads; ++h) {
    kernels::ConstMatrix part = w;
    const int64_t row = h * (args.nope_dim + args.value_dim);
    part.data = at_head(w, row, 0);
    part.rows = args.nope_dim;
    weights.key[static_cast<size_t>(h)].pack(team, part, PackedMatrix::Source::rows_are_inputs,
                                             type);
    part.data = at_head(w, row + args.nope_dim, 0);
    part.rows = args.value_dim;
    weights.value[static_cast<size_t>(h)].pack(team, part, PackedMatrix::Source::rows_are_outputs,
                                               type);
  }
}

at::Tensor native_latent_attention(const at::Tensor& q_T, const at::Tensor& entries,
                                   const AbsorbedWeights& weights, const LatentArgs& args,
                                   const AttentionPlan& plan, ThreadTeam& team) {
  const auto& native = static_cast<const NativePlan&>(plan);
  const auto layer = native.layer(args.layer);
  const int64_t rows = q_T.size(0);
  kernels::kv_write(team, {nullptr, kernels::Type::f32, rows, 0, 0}, rows_of(entries), native.slots,
                    layer);

  const int64_t width = args.entry_dim();
  const auto q = rows_of(q_T);
  const auto absorbed_T = at::empty({rows, args.heads * width}, at::kFloat);
  const auto absorbed = rows_of(absorbed_T);
  kernels::matmul_heads(team, q, args.query_dim(), weights.key, absorbed, width);
  team.for_range(rows, kGrainRows, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t h = 0; h < args.heads; ++h) {
        kernels::kernels().convert(at_head(q, t, h * args.query_dim() + args.nope_dim), q.type,
                                   at_head(absorbed, t, h * width + args.latent_dim),
                                   kernels::Type::f32, args.rope_dim);
      }
    }
  });
  const auto latents = at::empty({rows, int64_t{args.heads} * args.latent_dim}, at::kFloat);
  kernels::latent_attention(team, absorbed, layer, native.rows,
                            {args.heads, args.latent_dim, args.rope_dim, args.scale},
                            rows_of(latents));
  auto out = at::empty({rows, int64_t{args.heads} * args.value_dim}, q_T.scalar_type());
  kernels::matmul_heads(team, rows_of(latents), args.latent_dim, weights.value, rows_of(out),
                        args.value_dim);
  return out;
}

}  // namespace gradus::policy
