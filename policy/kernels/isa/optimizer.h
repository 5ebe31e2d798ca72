#pragma once

// Long arrays of parameters and gradients. Needs elements.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

void adamw(float* param, const float* grad, float* m, float* v, int64_t n,
           const AdamWFactors& factors) {
  const F16 keep_param = set16(1.0F - factors.decay);
  each_16(n, [&](int64_t i, int64_t count) {
    const F16 g = mul(load_n(grad + i, count), set16(factors.grad_scale));
    const F16 first =
        fma(g, set16(factors.one_minus_beta1), mul(load_n(m + i, count), set16(factors.beta1)));
    const F16 second = fma(mul(g, g), set16(factors.one_minus_beta2),
                           mul(load_n(v + i, count), set16(factors.beta2)));
    const F16 root = fma(sqrt16(second), set16(factors.inv_root_correction2), set16(factors.eps));
    const F16 p = mul(load_n(param + i, count), keep_param);
    store_n(m + i, first, count);
    store_n(v + i, second, count);
    store_n(param + i, fnma(set16(factors.step_size), div(first, root), p), count);
  });
}

/// Lane l adds the squares of elements l, l + 16, ...; lanes in order.
double sum_squares(const float* x, int64_t n) {
  double lanes[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (int l = 0; l < kLanes; ++l) {
      const double value = x[i + l];
      lanes[l] += value * value;
    }
  }
  for (int l = 0; i + l < n; ++l) {
    const double value = x[i + l];
    lanes[l] += value * value;
  }
  double sum = 0.0;
  for (double lane : lanes) sum += lane;
  return sum;
}

bool all_finite(const float* x, int64_t n) {
  constexpr uint32_t kExponent = 0x7f800000U;
  uint32_t bad = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    bad |= (bits & kExponent) == kExponent ? 1U : 0U;
  }
  return bad == 0;
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
