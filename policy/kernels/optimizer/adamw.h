#pragma once

#include <cstdint>

#include "base/parallel.h"

namespace gradus::policy::kernels {

/// One AdamW step on n values (Loshchilov and Hutter, arXiv:1711.05101), as torch.optim.AdamW:
///   p -= lr wd p;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
///   p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps),  with g = grad * grad_scale.
struct AdamWStep {
  float lr = 0.0F;
  float beta1 = 0.9F;
  float beta2 = 0.999F;
  float eps = 1e-8F;
  float weight_decay = 0.0F;
  float grad_scale = 1.0F;  ///< gradient clipping
  int64_t step = 1;         ///< t, from 1
};

void adamw_step(ThreadTeam& team, float* param, const float* grad, float* m, float* v, int64_t n,
                const AdamWStep& step);

/// Sum of squares in double, in an order that does not depend on the team.
double sum_squares(ThreadTeam& team, const float* values, int64_t n);

/// True when no value is NaN or infinite.
bool all_finite(ThreadTeam& team, const float* values, int64_t n);

/// y = round to nearest even of x (float32 to bf16), and back.
void to_bf16(ThreadTeam& team, const float* x, uint16_t* y, int64_t n);
void to_f32(ThreadTeam& team, const uint16_t* x, float* y, int64_t n);

}  // namespace gradus::policy::kernels
