#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/formats/model_config.h"
#include "policy/kernels/matmul.h"
#include "policy/kernels/router.h"
#include "policy/ops/device/fp8_product.h"

namespace gradus::policy {

/// What a matrix's values are rounded to before compute (policy/ops/rounding.h).
enum class Rounding : uint8_t {
  none,
  fp8,   ///< E4M3 in blocks of 128 x 128
  int8,  ///< under one scale per row
};

/// A matrix [out, in] of the policy in the forms that compute needs.
struct Weight {
  std::string name;  ///< the checkpoint's, e.g. "model.layers.0.mlp.up_proj.weight"
  int64_t out = 0;
  int64_t in = 0;
  at::Tensor value;    ///< trained: float32; frozen in training: compute dtype; else undefined
  at::Tensor grad;     ///< float32 where trained
  at::Tensor compute;  ///< reference compute: [out, in] in compute dtype, as published
  kernels::PackedMatrix packed;        ///< native compute: as published
  Rounding rounding = Rounding::none;  ///< of the forms for compute; `value` is not rounded where
                                       ///< it is trained
  bool is_float32 = false;             ///< the forms for compute are not in the compute dtype
  bool has_fp8_products = false;       ///< inputs and output gradients are rounded to FP8, too
  Fp8Matrix fp8;             ///< instead of `compute` where FP8 products run on the device's units
  Fp8Matrix fp8_transposed;  ///< [in, out], for the input's gradient

  bool is_trained() const { return grad.defined(); }
};

/// A norm's weight or a bias: [n] float32, small, one form for everything.
struct VectorWeight {
  std::string name;
  at::Tensor value;
  at::Tensor grad;

  bool is_trained() const { return grad.defined(); }
};

/// y += scale * B (A x) beside a linear layer.
struct Adapter {
  Weight a;  ///< [rank, in]
  Weight b;  ///< [out, rank]
  float scale = 1.0F;
};

struct Linear {
  Weight weight;
  std::optional<VectorWeight> bias;
  std::optional<Adapter> adapter;
};

/// Latent attention's kv_b [heads * (n + v), latent] in the absorbed form, made when weights are
/// published: the query's way into the latent space, and the latent's way out of it, per head.
struct AbsorbedWeights {
  std::vector<kernels::PackedMatrix> key;    ///< native compute, per head: [n] -> [latent]
  std::vector<kernels::PackedMatrix> value;  ///< native compute, per head: [latent] -> [v]
  at::Tensor compute;  ///< reference compute: [heads, n + v, latent] in compute dtype
};

/// Router and routed experts of a layer. Shapes: E experts of inner size M, D width.
struct Mixture {
  int layer = 0;  ///< index among the mixture layers
  kernels::RouterShape shape;
  Activation activation = Activation::silu;
  Weight router;                            ///< [E, D]
  std::optional<VectorWeight> choice_bias;  ///< [E] for choosing alone; moved by rule, no gradient
  std::vector<Linear> gate;                 ///< per expert [M, D]
  std::vector<Linear> up;                   ///< per expert [M, D]
  std::vector<Linear> down;                 ///< per expert [D, M]
};

struct Norm {
  VectorWeight weight;
  float eps = 1e-6F;
};

}  // namespace gradus::policy
