#pragma once

// One row of logits: statistics, sampling, gradients. Needs exp.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

// Sums of a row run over blocks of this many values first: the error grows with the block and the
// number of blocks, not with their product.
constexpr int64_t kSumBlock = 1024;

/// e = exp(b z - b max); lane l adds elements l, l + 16, ... of a block, blocks are added in order,
/// then the lanes as sum16 says.
template <bool kWantShifted>
LogitStats logit_stats_as(const float* logits, int64_t n, float inverse_temperature) {
  const F16 b = set16(inverse_temperature);
  F16 most = set16(-__builtin_inff());
  each_16(n, [&](int64_t i, int64_t m) {
    const F16 z = load_n(logits + i, m);
    most = max16(most, m == kLanes ? z : keep(z, 0, m, most));
  });
  const float max = largest16(most);
  const F16 top = set16(max);
  F16 sum = zero16();
  F16 shifted = zero16();
  for (int64_t block = 0; block < n; block += kSumBlock) {
    F16 block_sum = zero16();
    F16 block_shifted = zero16();
    const int64_t length = n - block < kSumBlock ? n - block : kSumBlock;
    each_16(length, [&](int64_t i, int64_t m) {
      const F16 x = mul(sub(load_n(logits + block + i, m), top), b);
      const F16 e = keep(exp16(x), 0, m, zero16());
      block_sum = add(block_sum, e);
      // A logit of -inf has e = 0, and its share is 0, not 0 * -inf.
      if constexpr (kWantShifted) block_shifted = add(block_shifted, zero_where_zero(e, mul(e, x)));
    });
    sum = add(sum, block_sum);
    shifted = add(shifted, block_shifted);
  }
  return {max, sum16(sum), sum16(shifted)};
}

LogitStats logit_stats(const float* logits, int64_t n, float inverse_temperature,
                       bool want_shifted) {
  return want_shifted ? logit_stats_as<true>(logits, n, inverse_temperature)
                      : logit_stats_as<false>(logits, n, inverse_temperature);
}

constexpr int64_t kSampleBlock = 256;

/// The first i of [0, n) at which `before` + p_0 + ... + p_i > u, else -1.
int64_t sample_in_block(const float* p, int64_t n, double before, double u) {
  for (int64_t i = 0; i < n; ++i) {
    before += p[i];
    if (before > u) return i;
  }
  return -1;
}

int64_t sample(const float* logits, int64_t n, float inverse_temperature, float log_sum_exp,
               float u) {
  alignas(64) float p[kSampleBlock];
  double before = 0.0;
  int64_t last = n - 1;
  bool found_last = false;
  int64_t last_block = 0;
  for (int64_t block = 0; block < n; block += kSampleBlock) {
    const int64_t length = n - block < kSampleBlock ? n - block : kSampleBlock;
    F16 sum = zero16();
    each_16(length, [&](int64_t i, int64_t m) {
      const F16 x =
          fma(load_n(logits + block + i, m), set16(inverse_temperature), set16(-log_sum_exp));
      const F16 e = keep(exp16(x), 0, m, zero16());
      store(p + i, e);
      sum = add(sum, e);
    });
    const float total = sum16(sum);
    if (total > 0.0F) {
      found_last = true;
      last_block = block;
    }
    if (before + total > u) {
      const int64_t at = sample_in_block(p, length, before, u);
      if (at >= 0) return block + at;
    }
    before += total;
  }
  if (!found_last) return last;
  const int64_t length = n - last_block < kSampleBlock ? n - last_block : kSampleBlock;
  each_16(length, [&](int64_t i, int64_t m) {
    store(p + i, exp16(fma(load_n(logits + last_block + i, m), set16(inverse_temperature),
                           set16(-log_sum_exp))));
  });
  for (int64_t i = 0; i < length; ++i) {
    if (p[i] > 0.0F) last = last_block + i;
  }
  return last;
}

template <class E>
void logit_grad_as(const LogitGradArgs& args, E* out) {
  const float b = args.inverse_temperature;
  const F16 dlogprob = set16(args.dlogprob);
  const F16 dentropy = set16(args.dentropy);
  // Before the row is overwritten, if it is.
  const float target_logprob = b * args.logits[args.target] - args.log_sum_exp;
  const auto grad = [&](F16 logprob) {
    const F16 p = exp16(logprob);
    const F16 spread = zero_where_zero(p, mul(p, add(logprob, set16(args.entropy))));
    F16 g = fnma(dlogprob, p, zero16());
    return fnma(dentropy, spread, g);
  };
  each_16(args.n, [&](int64_t i, int64_t m) {
    const F16 logprob = sub(mul(load_n(args.logits + i, m), set16(b)), set16(args.log_sum_exp));
    store_n(out + i, mul(grad(logprob), set16(b)), m);
  });
  const F16 at_target = mul(add(grad(set16(target_logprob)), dlogprob), set16(b));
  store_n(out + args.target, at_target, 1);
}

void logit_grad(const LogitGradArgs& args) {
  with_type(args.out_type, [&](auto* type) { logit_grad_as(args, as(args.out, type)); });
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
