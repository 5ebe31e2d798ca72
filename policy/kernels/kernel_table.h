#pragma once

#include <cstdint>

#include "policy/kernels/matrix.h"

/// The seam between the kernels' drivers (threads, blocking, checks: compiled for any processor)
/// and their inner loops (isa/*.h, compiled once per instruction set). Structs here have no
/// functions and no initialisers: nothing that both sides could emit with different machine code.
namespace gradus::policy::kernels {

/// Columns of one panel of a PackedMatrix. A step of K is one float or a pair of bf16; a panel is
/// [steps][32 columns] of such 4-byte units.
inline constexpr int kPanelColumns = 32;

/// One panel from w: row_is_output: w is [columns, k], else [k, columns].
struct PackArgs {
  const void* w;
  Type type;
  int64_t stride;
  bool row_is_output;
  int64_t k;
  int columns;
  Type packed;
  void* out;
};

/// Rows of A as the microkernels read them: tiles of a few rows, each [steps][rows of the tile].
/// transposed: a is [k, rows], else [rows, k]. `out` needs rows * steps units and 64 spare bytes.
struct PackRowsArgs {
  const void* a;
  Type type;
  int64_t stride;
  bool transposed;
  int64_t rows;
  int64_t k;
  Type packed;
  void* out;
};

/// C [rows, columns] of rows packed by pack_rows and `panels` consecutive panels. Over several
/// blocks of K the sums wait in `partial` [rows, panels * 32]: the order of additions is as if K
/// had been one block.
struct GemmArgs {
  const void* a;
  const void* b;
  int64_t panel_bytes;  ///< distance of panels
  int64_t steps;
  int64_t rows;
  int64_t panels;
  int64_t columns;
  float* partial;
  int64_t partial_stride;
  bool load_partial;
  bool store_partial;
  void* c;
  Type c_type;
  int64_t c_stride;
  const float* bias;
  bool accumulate;
};

/// C [m, n] (+)= A B in float32, for operands that fit the cache; n is a multiple of 16 and rows of
/// B and C may be read and written that far. A's element (i, k) lies at i * a_row + k * a_step.
struct SmallGemmArgs {
  const float* a;
  int64_t a_row;
  int64_t a_step;
  const float* b;
  int64_t b_stride;
  float* c;
  int64_t c_stride;
  int64_t m;
  int64_t n;
  int64_t k;
  bool accumulate;
};

/// One query row and the heads of one KV head.
struct AttendArgs {
  const void* q;  ///< [heads, key_dim]
  Type q_type;
  const void* tiles;  ///< the KV head's tile in block 0
  Type kv_type;
  int64_t block_bytes;
  const int32_t* block_table;
  int64_t first;  ///< first place attended to
  int64_t place;  ///< last place
  int heads;
  int key_dim;
  int value_dim;
  float scale;
  void* scratch;  ///< attend_scratch_bytes(...)
  void* out;      ///< [heads, value_dim]
  Type out_type;
  float* lse;  ///< [heads] or null
};

/// From scores and dP of one query to P and dS, in place, for keys [begin, end) of [0, n).
struct AttentionGradArgs {
  float* scores;  ///< in: q k; out: P
  float* grads;   ///< in: dP; out: scale * P (dP - delta)
  int64_t n;      ///< a multiple of 16; P and dS are zero outside [begin, end)
  int64_t begin;
  int64_t end;
  float scale;
  float lse;
  float delta;
};

struct RopeArgs {
  void* x;  ///< one head's turned values
  Type type;
  const float* cos;
  const float* sin;
  int64_t half;
  bool interleaved;
  bool inverse;
};

struct LogitStats {
  float max;
  float sum;      ///< of e = exp(b z - b max)
  float shifted;  ///< sum of e (b z - b max)
};

struct LogitGradArgs {
  const float* logits;
  int64_t n;
  int64_t target;
  float inverse_temperature;
  float log_sum_exp;
  float entropy;
  float dlogprob;
  float dentropy;
  void* out;
  Type out_type;
};

struct AdamWFactors {
  float grad_scale, beta1, beta2, one_minus_beta1, one_minus_beta2;
  float decay;                 ///< lr * weight_decay
  float step_size;             ///< lr / (1 - beta1^t)
  float inv_root_correction2;  ///< 1 / sqrt(1 - beta2^t)
  float eps;
};

AdamWFactors adamw_factors(const struct AdamWStep& step);

/// Straight lines that rise through the levels of 8-bit moments, from 0 to 1.
inline constexpr int kMomentLines = 14;

/// The levels above 0 that a magnitude y in [0, 1] has below it, as a real number between whole
/// levels: max(min over lines of (slope y + intercept), top - last_slope (1 - y)). Gaps between
/// levels widen but for the last, hence the minimum. Line 0 goes through 0.
struct MomentLevels {
  float slopes[kMomentLines];
  float intercepts[kMomentLines];
  float last_slope;
  float top;  ///< levels above 0
  int zero;   ///< code of 0
};

/// Codes of n values: the level at or above |x * inverse_scale|, the nearer the likelier, below
/// `zero` for negative products; at least 1 for positive ones. Value i draws the hash of
/// key + stride * i.
struct EncodeArgs {
  const float* x;
  int64_t n;
  float inverse_scale;
  const MomentLevels* levels;
  uint32_t key;
  uint32_t stride;
  uint8_t* codes;
};

/// The inner loops of one instruction set.
struct KernelTable {
  const char* name;

  void (*pack_panel)(const PackArgs&);
  void (*pack_rows)(const PackRowsArgs&);
  void (*gemm)(const GemmArgs&, Type packed);
  void (*small_gemm)(const SmallGemmArgs&);

  void (*attend)(const AttendArgs&);
  void (*attention_grad)(const AttentionGradArgs&);
  /// out [cols, out_stride] = the transpose of x [rows, cols]; both float32.
  void (*transpose)(const float* x, int64_t x_stride, int64_t rows, int64_t cols, float* out,
                    int64_t out_stride);

  void (*convert)(const void* x, Type x_type, void* y, Type y_type, int64_t n);
  /// y += x
  void (*add_to)(const void* x, Type x_type, float* y, int64_t n);
  /// y = scale * x
  void (*scale)(const void* x, Type x_type, float scale, void* y, Type y_type, int64_t n);
  /// y += scale * x
  void (*add_scaled)(const void* x, Type x_type, float scale, float* y, int64_t n);
  float (*dot)(const void* x, Type x_type, const void* y, Type y_type, int64_t n);
  float (*rms_norm)(const void* x, Type x_type, const float* weight, float eps, void* y,
                    Type y_type, int64_t n);
  void (*rms_norm_dx)(const void* x, Type x_type, const float* weight, float inv_rms,
                      const void* dy, Type dy_type, void* dx, Type dx_type, bool accumulate,
                      int64_t n);
  /// dweight += dy * x * inv_rms
  void (*rms_norm_dweight)(const void* x, Type x_type, float inv_rms, const void* dy, Type dy_type,
                           float* dweight, int64_t n);
  void (*rope)(const RopeArgs&);
  /// y = activation(gate) * up
  using GateMul = void (*)(const void* gate, Type gate_type, const void* up, Type up_type, void* y,
                           Type y_type, int64_t n);
  using GateMulBackward = void (*)(const void* gate, Type gate_type, const void* up, Type up_type,
                                   const void* dy, Type dy_type, void* dgate, Type dgate_type,
                                   void* dup, Type dup_type, int64_t n);
  GateMul silu_mul;
  GateMulBackward silu_mul_backward;
  GateMul gelu_mul;
  GateMulBackward gelu_mul_backward;

  void (*exp)(const float* x, float* y, int64_t n);
  LogitStats (*logit_stats)(const float* logits, int64_t n, float inverse_temperature,
                            bool want_shifted);
  int64_t (*sample)(const float* logits, int64_t n, float inverse_temperature, float log_sum_exp,
                    float u);
  void (*logit_grad)(const LogitGradArgs&);

  void (*adamw)(float* param, const float* grad, float* m, float* v, int64_t n,
                const AdamWFactors& factors);
  /// The value of largest magnitude, with its sign; 0 for none.
  float (*extreme)(const float* x, int64_t n);
  void (*square_root)(float* x, int64_t n);
  void (*encode_moments)(const EncodeArgs&);
  double (*sum_squares)(const float* x, int64_t n);
  bool (*all_finite)(const float* x, int64_t n);

  /// y = E4M3(x / scale) * scale, |x / scale| <= 448.
  void (*round_fp8)(const void* x, Type x_type, void* y, Type y_type, int64_t n, float scale);
  /// The same under a scale per column; scales has room for n rounded up to 16.
  void (*round_fp8_columns)(const void* x, Type x_type, void* y, Type y_type, int64_t n,
                            const float* scales);
  /// y = round(x / scale) * scale, |x / scale| <= 127.
  void (*round_int8)(const void* x, Type x_type, void* y, Type y_type, int64_t n, float scale);
  /// max |x|; NaN where there is one.
  float (*max_magnitude)(const void* x, Type x_type, int64_t n);
  /// largest = max(largest, |x|) column by column, as bits; room for n rounded up to 16.
  void (*max_magnitudes)(const void* x, Type x_type, int64_t n, uint32_t* largest);
};

/// The table in use.
const KernelTable& kernels();

/// Bytes that AttendArgs::scratch needs for `places` keys.
int64_t attend_scratch_bytes(int64_t places, int key_dim);

const KernelTable& table_generic();
const KernelTable& table_avx2();
const KernelTable& table_avx512();
const KernelTable& table_avx512_bf16();

}  // namespace gradus::policy::kernels
