#include "policy/kernels/product.h"

#include <algorithm>

#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"

namespace gradus::policy::kernels {
namespace {

// Rows of A that one thread packs and keeps in its second-level cache (1 MiB here) while panels of
// B pass by, and the steps of K after which sums are set aside for the same reason. Multiples of
// the microkernels' row tiles; no result depends on them.
constexpr int64_t kBlockRows = 192;
constexpr int64_t kBlockSteps = 1024;
// Panels of a task: enough to pay for packing A, few enough to share the work evenly.
constexpr int64_t kMaxTaskPanels = 16;
// Bytes of panels below which another thread costs more than it brings.
constexpr int64_t kGrainBytes = int64_t{64} << 10;

int64_t depth_of(Type type) {
  return type == Type::f32 ? 1 : 2;
}
int64_t steps_of(int64_t k, Type type) {
  return (k + depth_of(type) - 1) / depth_of(type);
}

void pack_panel(const Packing& p, int64_t panel) {
  const int64_t column = panel * kPanelColumns;
  const auto* from = p.row_is_output ? at(p.w, column, 0) : at(p.w, 0, column);
  kernels().pack_panel({from, p.w.type, p.w.stride, p.row_is_output, p.k,
                        static_cast<int>(std::min<int64_t>(kPanelColumns, p.n - column)), p.type,
                        p.out + panel * panel_bytes_of(p.k, p.type)});
}

}  // namespace

int64_t panels_of(int64_t n) {
  return (n + kPanelColumns - 1) / kPanelColumns;
}
int64_t panel_bytes_of(int64_t k, Type type) {
  return steps_of(k, type) * kPanelColumns * 4;
}

void pack_panels(ThreadTeam& team, std::span<const Packing> packings) {
  int64_t panels = 0;
  int64_t bytes = 0;
  for (const Packing& p : packings) {
    panels += panels_of(p.n);
    bytes += panels_of(p.n) * panel_bytes_of(p.k, p.type);
  }
  if (panels == 0) return;
  const int64_t grain = std::max<int64_t>(1, kGrainBytes / std::max<int64_t>(1, bytes / panels));
  team.for_range(panels, grain, [&](int64_t begin, int64_t end) {
    int64_t first = 0;
    for (const Packing& p : packings) {
      const int64_t count = panels_of(p.n);
      for (int64_t i = std::max(begin, first); i < std::min(end, first + count); ++i) {
        pack_panel(p, i - first);
      }
      first += count;
    }
  });
}

int64_t Product::row_blocks(int64_t rows) {
  return (rows + kBlockRows - 1) / kBlockRows;
}

Product::Product(ConstMatrix a, bool transposed, Panels b, Matrix c, MatmulOptions options,
                 int members, int64_t all_blocks)
    : a_(a), transposed_(transposed), b_(b), c_(c), options_(options) {
  steps_ = steps_of(b.k, b.type);
  row_blocks_ = row_blocks(c.rows);
  const int64_t panels = panels_of(b.n);
  const int64_t shared_blocks = std::max(row_blocks_, all_blocks);
  const int64_t wanted_groups =
      std::max<int64_t>(1, 4 * members / std::max<int64_t>(1, shared_blocks));
  group_panels_ = std::clamp<int64_t>(panels / wanted_groups, 1, kMaxTaskPanels);
  // The kernel for one row takes four panels at once.
  if (group_panels_ > 4) group_panels_ = group_panels_ / 4 * 4;
  if (members == 1 && steps_ <= kBlockSteps) group_panels_ = std::max<int64_t>(1, panels);
  groups_ = (panels + group_panels_ - 1) / group_panels_;
}

void Product::run(int64_t task, Memory& memory) const {
  auto* packed = memory.rows.get<uint32_t>(
      static_cast<size_t>(std::min(kBlockRows, c_.rows) * std::min(kBlockSteps, steps_)));
  float* partial = steps_ <= kBlockSteps ? nullptr
                                         : memory.partial.get<float>(static_cast<size_t>(
                                               kBlockRows * group_panels_ * kPanelColumns));
  const int64_t block = task / groups_;
  const int64_t group = task % groups_;
  // Without a step, K = 0, one round writes the empty sums.
  for (int64_t step = 0; step == 0 || step < steps_; step += kBlockSteps) {
    const bool is_packed = memory.product == this && memory.block == block && steps_ <= kBlockSteps;
    if (!is_packed) pack_rows(block, step, packed);
    memory.product = this;
    memory.block = block;
    multiply(block, group, step, packed, partial);
  }
}

int64_t Product::block_steps(int64_t step) const {
  return std::min(kBlockSteps, steps_ - step);
}

void Product::pack_rows(int64_t block, int64_t step, uint32_t* packed) const {
  const int64_t k = step * depth_of(b_.type);
  const int64_t depth = std::min(kBlockSteps * depth_of(b_.type), b_.k - k);
  const auto* from = transposed_ ? at(a_, k, row(block)) : at(a_, row(block), k);
  kernels().pack_rows(
      {from, a_.type, a_.stride, transposed_, row(block + 1) - row(block), depth, b_.type, packed});
}

void Product::multiply(int64_t block, int64_t group, int64_t step, const uint32_t* packed,
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

void run_products(ThreadTeam& team, std::span<const Product> products) {
  int64_t tasks = 0;
  for (const Product& product : products) tasks += product.num_tasks();
  team.run(tasks, [&](ThreadTeam::Tasks& left) {
    thread_local Product::Memory memory;
    memory.product = nullptr;  // an earlier call's product may have stood at the same place
    int64_t first = 0;
    size_t p = 0;
    for (int64_t task; left.next(task);) {
      while (task - first >= products[p].num_tasks()) first += products[p++].num_tasks();
      products[p].run(task - first, memory);
    }
  });
}

}  // namespace gradus::policy::kernels
