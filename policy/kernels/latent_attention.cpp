#include "policy/kernels/latent_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"
#include "policy/kernels/product_count.h"
#include "policy/kernels/scratch.h"

namespace gradus::policy::kernels {
namespace {

// Places that meet all heads of a task at once: their entries, twice in float32 (as rows and as
// columns), stay in the second-level cache. The bits depend on it: a running maximum moves from
// chunk to chunk.
constexpr int64_t kChunk = 4 * kBlockTokens;
// Heads of one task at most: their sums stay in cache beside the entries.
constexpr int64_t kTaskHeads = 32;

constexpr float kNothing = -std::numeric_limits<float>::infinity();

/// Some heads of one query row against the entries before it.
class LatentPass {
 public:
  LatentPass(const KvLayer& layer, const LatentShape& shape, int64_t heads)
      : layer_(layer),
        shape_(shape),
        heads_(heads),
        width_(shape.latent_dim + shape.rope_dim),
        row_(padded(width_)),
        out_row_(padded(shape.latent_dim)) {
    thread_local Scratch scratch;
    const auto floats = heads * (width_ + out_row_ + kChunk + 2) + 2 * kChunk * row_ + 4 * 16;
    q_ = scratch.get<float>(static_cast<size_t>(floats));
    entries_ = align(q_ + heads * width_);
    columns_ = entries_ + kChunk * row_;
    scores_ = columns_ + kChunk * row_;
    sums_ = scores_ + heads * kChunk;
    most_ = sums_ + heads * out_row_;
    total_ = most_ + heads;
  }

  void run(const AttentionRow& row, const void* q, Type q_type, void* out, Type out_type) {
    kernels().convert(q, q_type, q_, Type::f32, heads_ * width_);
    std::fill_n(sums_, heads_ * out_row_, 0.0F);
    std::fill_n(most_, heads_, kNothing);
    std::fill_n(total_, heads_, 0.0F);
    for (int64_t base = row.first / kChunk * kChunk; base <= row.place; base += kChunk) {
      const int64_t begin = std::max<int64_t>(0, row.first - base);
      const int64_t end = std::min(kChunk, int64_t{row.place} + 1 - base);
      chunk(row.block_table + base / kBlockTokens, begin, end);
    }
    for (int64_t h = 0; h < heads_; ++h) finish(h, out, out_type);
  }

 private:
  static float* align(float* p) {
    return reinterpret_cast<float*>((reinterpret_cast<uintptr_t>(p) + 63) / 64 * 64);
  }

  /// Places [begin, end) of the chunk whose blocks are `blocks`.
  void chunk(const int32_t* blocks, int64_t begin, int64_t end) {
    const auto& table = kernels();
    gather(blocks, end);
    table.transpose(entries_, row_, end, width_, columns_, kChunk);
    table.small_gemm(
        {q_, width_, 1, columns_, kChunk, scores_, kChunk, heads_, padded(end), width_, false});
    for (int64_t h = 0; h < heads_; ++h) weigh(h, begin, end);
    table.small_gemm({scores_ + begin, kChunk, 1, entries_ + begin * row_, row_, sums_, out_row_,
                      heads_, out_row_, end - begin, true});
  }

  /// The first `count` entries of the chunk as rows of float32. The numbers behind an entry are
  /// read as columns of sums that nobody wants.
  void gather(const int32_t* blocks, int64_t count) {
    const KvLayout& layout = layer_.layout;
    for (int64_t t = 0; t < count; ++t) {
      const auto* entry = layer_.data + blocks[t / kBlockTokens] * layout.block_bytes() +
                          t % kBlockTokens * width_ * bytes_of(layout.type);
      kernels().convert(entry, layout.type, entries_ + t * row_, Type::f32, width_);
      std::fill_n(entries_ + t * row_ + width_, row_ - width_, 0.0F);
    }
  }

  /// Scores of a head to exp(scale * score - maximum so far); what was summed under a smaller
  /// maximum is scaled down to the new one.
  void weigh(int64_t h, int64_t begin, int64_t end) {
    float* s = scores_ + h * kChunk;
    float most = most_[h];
    for (int64_t t = begin; t < end; ++t) {
      s[t] *= shape_.scale;
      most = s[t] > most ? s[t] : most;
    }
    for (int64_t t = begin; t < end; ++t) s[t] -= most;
    kernels().exp(s + begin, s + begin, end - begin);
    float lanes[8] = {};  // sums in one fixed order that vectors can follow
    for (int64_t t = begin; t < end; ++t) lanes[(t - begin) % 8] += s[t];
    float sum = 0;
    for (const float lane : lanes) sum += lane;
    if (most > most_[h]) {
      const float less = most_[h] == kNothing ? 0.0F : std::exp(most_[h] - most);
      total_[h] *= less;
      float* sums = sums_ + h * out_row_;
      for (int64_t d = 0; d < shape_.latent_dim; ++d) sums[d] *= less;
      most_[h] = most;
    }
    total_[h] += sum;
  }

  void finish(int64_t h, void* out, Type out_type) {
    float* sums = sums_ + h * out_row_;
    for (int64_t d = 0; d < shape_.latent_dim; ++d) sums[d] /= total_[h];
    auto* to = static_cast<std::byte*>(out) + h * shape_.latent_dim * bytes_of(out_type);
    kernels().convert(sums, Type::f32, to, out_type, shape_.latent_dim);
  }

  const KvLayer& layer_;
  const LatentShape& shape_;
  int64_t heads_, width_, row_, out_row_;
  float* q_;        ///< [heads, width]
  float* entries_;  ///< [kChunk, row]
  float* columns_;  ///< [width, kChunk]
  float* scores_;   ///< [heads, kChunk]
  float* sums_;     ///< [heads, out_row]
  float* most_;     ///< [heads]
  float* total_;    ///< [heads]
};

void check(ConstMatrix q, const KvLayer& layer, int64_t num_rows, const LatentShape& shape,
           ConstMatrix out) {
  const int64_t width = shape.latent_dim + shape.rope_dim;
  const bool fits = shape.heads > 0 && layer.layout.kv_heads == 1 && layer.layout.key_dim == 0 &&
                    layer.layout.value_dim == width && q.rows == num_rows && out.rows == num_rows &&
                    q.cols == shape.heads * width &&
                    out.cols == int64_t{shape.heads} * shape.latent_dim;
  if (fits) return;
  throw ArgumentError("latent_attention: q [" + std::to_string(q.rows) + ", " +
                      std::to_string(q.cols) + "], out [" + std::to_string(out.rows) + ", " +
                      std::to_string(out.cols) + "] and entries of " +
                      std::to_string(layer.layout.value_dim) + " numbers do not fit " +
                      std::to_string(shape.heads) + " heads of " +
                      std::to_string(shape.latent_dim) + " + " + std::to_string(shape.rope_dim));
}

}  // namespace

void latent_attention(ThreadTeam& team, ConstMatrix q, const KvLayer& layer,
                      std::span<const AttentionRow> rows, const LatentShape& shape, Matrix out) {
  const auto num_rows = std::ssize(rows);
  check(q, layer, num_rows, shape, out);
  if (num_rows == 0) return;
  int64_t keys = 0;
  for (const AttentionRow& row : rows) keys += row.place + 1 - row.first;
  count_products(keys * shape.heads * (2 * shape.latent_dim + shape.rope_dim));
  // Few rows are cut by heads, in groups that fill the kernel's tiles of 8 rows.
  const int64_t wanted = std::max<int64_t>(1, shape.heads * num_rows / (4 * team.size()));
  const int64_t step = std::clamp<int64_t>(wanted / 8 * 8, 8, kTaskHeads);
  const int64_t parts = (shape.heads + step - 1) / step;
  const int64_t width = shape.latent_dim + shape.rope_dim;
  team.run(num_rows * parts, [&](ThreadTeam::Tasks& tasks) {
    for (int64_t task; tasks.next(task);) {
      const int64_t row = task / parts;
      const int64_t head = task % parts * step;
      LatentPass pass(layer, shape, std::min(step, shape.heads - head));
      pass.run(rows[row], at(q, row, head * width), q.type, at(out, row, head * shape.latent_dim),
               out.type);
    }
  });
}

void matmul_heads(ThreadTeam& team, ConstMatrix a, int64_t a_step,
                  const std::vector<PackedMatrix>& heads, Matrix c, int64_t c_step) {
  for (size_t h = 0; h < heads.size(); ++h) {
    const auto head = static_cast<int64_t>(h);
    if (a.rows != c.rows || head * a_step + heads[h].k() > a.cols ||
        head * c_step + heads[h].n() > c.cols) {
      throw ArgumentError("matmul_heads: head " + std::to_string(h) + " leaves a of " +
                          std::to_string(a.cols) + " or c of " + std::to_string(c.cols) +
                          " columns");
    }
  }
  team.run(std::ssize(heads), [&](ThreadTeam::Tasks& tasks) {
    ThreadTeam alone(1);
    for (int64_t h; tasks.next(h);) {
      const PackedMatrix& b = heads[static_cast<size_t>(h)];
      ConstMatrix a_head = a;
      a_head.data = at(a, 0, h * a_step);
      a_head.cols = b.k();
      Matrix c_head = c;
      c_head.data = at(c, 0, h * c_step);
      c_head.cols = b.n();
      matmul(alone, a_head, b, c_head);
    }
  });
}

}  // namespace gradus::policy::kernels
