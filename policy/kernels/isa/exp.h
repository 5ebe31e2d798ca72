#pragma once

// The one exponential of softmax, silu and sampling. Needs elements.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

/// e^x within 2 ulp; 0 below -104, infinite above 88.73; NaN for NaN. e^x = 2^n e^r with
/// |r| <= ln(2) / 2; the polynomial and the two parts of ln(2) are those of Cephes' expf. The same
/// bits on AVX2 and AVX-512.
GRADUS_INLINE F16 exp16(F16 x) {
  const F16 shift = set16(12582912.0F);  // 1.5 * 2^23: its unit in the last place is 1
  x = min16(set16(89.0F), max16(set16(-105.0F), x));
  const F16 n = sub(fma(x, set16(1.44269504088896341F), shift), shift);
  F16 r = fnma(n, set16(0.693359375F), x);
  r = fnma(n, set16(-2.12194440e-4F), r);
  F16 p = set16(1.9875691500e-4F);
  p = fma(p, r, set16(1.3981999507e-3F));
  p = fma(p, r, set16(8.3334519073e-3F));
  p = fma(p, r, set16(4.1665795894e-2F));
  p = fma(p, r, set16(1.6666665459e-1F));
  p = fma(p, r, set16(5.0000001201e-1F));
  p = add(fma(p, mul(r, r), r), set16(1.0F));
  return scale_by_power(p, n);
}

void exp(const float* x, float* y, int64_t n) {
  each_16(n, [&](int64_t i, int64_t m) { store_n(y + i, exp16(load_n(x + i, m)), m); });
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
