#include "policy/kernels/matmul.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/scratch.h"

namespace gradus::policy::kernels {
namespace {

// Rows of A that one thread packs and keeps in its second-level cache (1 MiB here) while panels of
// B pass by, and the steps of K after which sums are set aside for the same reason. Multiples of
// the microkernels' row tiles; no result depends on them.
constexpr int64_t kBlockRows = 192;
constexpr int64_t kBlockSteps = 1024;
// Panels of a task: enough to pay for packing A, few enough to share the work evenly.
constexpr int64_t kMaxTaskPanels = 16;

int64_t depth_of(Type type) {
  return type == Type::f32 ? 1 : 2;
}
int64_t steps_of(int64_t k, Type type) {
  return (k + depth_of(type) - 1) / depth_of(type);
}
int64_t panels_of(int64_t n) {
  return (n + kPanelColumns - 1) / kPanelColumns;
}
int64_t panel_bytes_of(int64_t k, Type type) {
  return steps_of(k, type) * kPanelColumns * 4;
}

const std::byte* at(ConstMatrix m, int64_t row, int64_t col) {
  return static_cast<const std::byte*>(m.data) + (row * m.stride + col) * bytes_of(m.type);
}
std::byte* at(Matrix m, int64_t row, int64_t col) {
  return static_cast<std::byte*>(m.data) + (row * m.stride + col) * bytes_of(m.type);
}

std::string shape_of(ConstMatrix m) {
  return "[" + std::to_string(m.rows) + ", " + std::to_string(m.cols) + "]";
}

struct Panels {
  const std::byte* data;
  int64_t k, n;
  Type type;
};

void pack_panels(ThreadTeam& team, ConstMatrix w, bool row_is_output, int64_t k, int64_t n,
                 Type packed, std::byte* out) {
  const int64_t panel_bytes = panel_bytes_of(k, packed);
  const int64_t grain =
      std::max<int64_t>(1, (int64_t{64} << 10) / std::max<int64_t>(1, panel_bytes));
  team.for_range(panels_of(n), grain, [&](int64_t begin, int64_t end) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t column = panel * kPanelColumns;
      const auto* from = row_is_output ? at(w, column, 0) : at(w, 0, column);
      kernels().pack_panel({from, w.type, w.stride, row_is_output, k,
                            static_cast<int>(std::min<int64_t>(kPanelColumns, n - column)), packed,
                            out + panel * panel_bytes});
    }
  });
}

/// C = A B cut into tasks (block of rows, group of panels), which members take as they come.
class Product {
 public:
  /// @param transposed  a is [K, M].
  Product(ConstMatrix a, bool transposed, Panels b, Matrix c, MatmulOptions options, int members)
      : a_(a), transposed_(transposed), b_(b), c_(c), options_(options) {
    steps_ = steps_of(b.k, b.type);
    row_blocks_ = (c.rows + kBlockRows - 1) / kBlockRows;
    const int64_t panels = panels_of(b.n);
    const int64_t wanted_groups = std::max<int64_t>(1, 4 * members / row_blocks_);
    group_panels_ = std::clamp<int64_t>(panels / wanted_groups, 1, kMaxTaskPanels);
    // The kernel for one row takes four panels at once.
    if (group_panels_ > 4) group_panels_ = group_panels_ / 4 * 4;
    if (members == 1 && steps_ <= kBlockSteps) group_panels_ = panels;
    groups_ = (panels + group_panels_ - 1) / group_panels_;
  }

  void run(ThreadTeam& team) {
    if (row_blocks_ * groups_ == 1) return work();
    team.run([this](int) { work(); });
  }

 private:
  void work() {
    thread_local Scratch a_scratch;
    thread_local Scratch partial_scratch;
    auto* packed = a_scratch.get<uint32_t>(
        static_cast<size_t>(std::min(kBlockRows, c_.rows) * std::min(kBlockSteps, steps_)));
    float* partial = steps_ <= kBlockSteps ? nullptr
                                           : partial_scratch.get<float>(static_cast<size_t>(
                                                 kBlockRows * group_panels_ * kPanelColumns));
    int64_t packed_rows = -1;
    for (;;) {
      const int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= row_blocks_ * groups_) return;
      const int64_t block = task / groups_;
      const int64_t group = task % groups_;
      // Without a step, K = 0, one round writes the empty sums.
      for (int64_t step = 0; step == 0 || step < steps_; step += kBlockSteps) {
        const bool is_packed = packed_rows == block && steps_ <= kBlockSteps;
        if (!is_packed) pack_rows(block, step, packed);
        packed_rows = block;
        multiply(block, group, step, packed, partial);
      }
    }
  }

  int64_t row(int64_t block) const { return c_.rows * block / row_blocks_; }
  int64_t block_steps(int64_t step) const { return std::min(kBlockSteps, steps_ - step); }

  void pack_rows(int64_t block, int64_t step, uint32_t* packed) const {
    const int64_t k = step * depth_of(b_.type);
    const int64_t depth = std::min(kBlockSteps * depth_of(b_.type), b_.k - k);
    const auto* from = transposed_ ? at(a_, k, row(block)) : at(a_, row(block), k);
    kernels().pack_rows({from, a_.type, a_.stride, transposed_, row(block + 1) - row(block), depth,
                         b_.type, packed});
  }

  void multiply(int64_t block, int64_t group, int64_t step, const uint32_t* packed,
                float* partial) const {
    const int64_t panel = group * group_panels_;
    const int64_t column = panel * kPanelColumns;
    const int64_t panel_bytes = panel_bytes_of(b_.k, b_.type);
    GemmArgs g{};
    g.a = packed;
    g.b = b_.data + panel * panel_bytes + step * kPanelColumns * 4;
    g.panel_bytes = panel_bytes;
    g.steps = block_steps(step);
    g.rows = row(block + 1) - row(block);
    g.panels = std::min(group_panels_, panels_of(b_.n) - panel);
    g.columns = b_.n - column;
    g.partial = partial;
    g.partial_stride = group_panels_ * kPanelColumns;
    g.load_partial = step > 0;
    g.store_partial = step + kBlockSteps < steps_;
    g.c = at(c_, row(block), column);
    g.c_type = c_.type;
    g.c_stride = c_.stride;
    g.bias = options_.bias == nullptr ? nullptr : options_.bias + column;
    g.accumulate = options_.accumulate;
    kernels().gemm(g, b_.type);
  }

  ConstMatrix a_;
  bool transposed_;
  Panels b_;
  Matrix c_;
  MatmulOptions options_;
  int64_t steps_, row_blocks_, group_panels_, groups_;
  std::atomic<int64_t> next_{0};
};

}  // namespace

void PackedMatrix::Free::operator()(void* p) const {
  std::free(p);
}

void PackedMatrix::pack(ThreadTeam& team, ConstMatrix w, Source source, Type packed) {
  const bool row_is_output = source == Source::rows_are_outputs;
  k_ = row_is_output ? w.cols : w.rows;
  n_ = row_is_output ? w.rows : w.cols;
  type_ = packed;
  const auto bytes = static_cast<size_t>(panels_of(n_) * panel_bytes_of(k_, packed));
  if (bytes != bytes_ || data_ == nullptr) {
    data_.reset();
    bytes_ = 0;
    data_.reset(std::aligned_alloc(64, std::max<size_t>(64, bytes)));
    if (data_ == nullptr) throw std::bad_alloc();
    bytes_ = bytes;
  }
  pack_panels(team, w, row_is_output, k_, n_, packed, static_cast<std::byte*>(data_.get()));
}

void matmul(ThreadTeam& team, ConstMatrix a, const PackedMatrix& b, Matrix c,
            MatmulOptions options) {
  if (a.cols != b.k() || c.rows != a.rows || c.cols != b.n()) {
    throw ArgumentError("matmul: shapes " + shape_of(a) + " x [" + std::to_string(b.k()) + ", " +
                        std::to_string(b.n()) + "] = " + shape_of(c) + " do not fit");
  }
  if (a.type == Type::bf16 && b.type() != Type::bf16) {
    throw ArgumentError("matmul: A is bf16 but B is packed in float32; pack B in bf16");
  }
  if (options.accumulate && c.type != Type::f32) {
    throw ArgumentError("matmul: accumulate needs a float32 C");
  }
  if (c.rows == 0 || c.cols == 0) return;
  const Panels panels{static_cast<const std::byte*>(b.data()), b.k(), b.n(), b.type()};
  Product(a, false, panels, c, options, team.size()).run(team);
}

void matmul_transposed(ThreadTeam& team, ConstMatrix a, ConstMatrix b, Matrix c, bool accumulate,
                       Type compute) {
  if (a.rows != b.rows || c.rows != a.cols || c.cols != b.cols || c.type != Type::f32) {
    throw ArgumentError("matmul_transposed: " + shape_of(a) + "^T x " + shape_of(b) + " = " +
                        shape_of(c) + " does not fit, or C is not float32");
  }
  if (c.rows == 0 || c.cols == 0) return;
  thread_local Scratch scratch;
  auto* panels = scratch.get<std::byte>(
      static_cast<size_t>(panels_of(b.cols) * panel_bytes_of(b.rows, compute)));
  pack_panels(team, b, false, b.rows, b.cols, compute, panels);
  MatmulOptions options;
  options.accumulate = accumulate;
  Product(a, true, {panels, b.rows, b.cols, compute}, c, options, team.size()).run(team);
}

}  // namespace gradus::policy::kernels
