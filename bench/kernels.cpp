// Figures of the CPU kernels at the sizes of one decoder: GFLOP/s and tokens/s of all linear
// layers, attention, logits, sampling, norms and the optimizer. usage: bench_kernels [threads]
// [subject]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <string>
#include <vector>

#include "policy/kernels/attention.h"
#include "policy/kernels/grouped_matmul.h"
#include "policy/kernels/matmul.h"
#include "policy/kernels/optimizer/adamw.h"
#include "policy/kernels/rowwise.h"
#include "policy/kernels/softmax.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

// SmolLM2-135M.
constexpr int64_t kLayers = 30, kModel = 576, kInner = 1536, kVocabulary = 49152;
constexpr int kHeads = 9, kKvHeads = 3, kHeadDim = 64;

bool one_thread = false;  // NOLINT: the program's one argument

/// Of one thread its processor time, which other programs on the machine disturb less.
double now() {
  timespec t;
  clock_gettime(one_thread ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// The best of several runs: what the machine can do when others leave it alone.
double seconds(const std::function<void()>& fn, double budget_s = 0.6) {
  fn();
  double best = 1e9;
  const double start = now();
  do {
    const double begin = now();
    fn();
    best = std::min(best, now() - begin);
  } while (now() - start < budget_s);
  return best;
}

struct Buffer {
  Buffer(int64_t rows, int64_t cols, Type type)
      : bytes(static_cast<size_t>(rows * cols * bytes_of(type) + 64)),
        view{bytes.data(), type, rows, cols, cols} {
    for (int64_t i = 0; i < rows * cols; ++i) {
      const float x = 0.01F * static_cast<float>(i * 7919 % 201 - 100);
      if (type == Type::f32) {
        static_cast<float*>(view.data)[i] = x;
      } else {
        uint32_t bits;
        std::memcpy(&bits, &x, 4);
        static_cast<uint16_t*>(view.data)[i] = static_cast<uint16_t>(bits >> 16);
      }
    }
  }
  std::vector<std::byte> bytes;
  Matrix view;
};

struct Linear {
  int64_t n, k;
};
// Of one layer, with q, k, v and gate, up joined.
constexpr Linear kLinears[] = {{kModel + 2 * kKvHeads * kHeadDim, kModel},
                               {kModel, kModel},
                               {2 * kInner, kModel},
                               {kModel, kInner}};

void linears(ThreadTeam& team, Type type) {
  // Each layer has its own weights, so that few rows read them from memory as decoding does.
  std::vector<PackedMatrix> weights(kLayers * 4);
  for (int64_t i = 0; i < kLayers * 4; ++i) {
    const Linear& l = kLinears[i % 4];
    Buffer w(l.n, l.k, Type::f32);
    weights[i].pack(team, w.view, PackedMatrix::Source::rows_are_outputs, type);
  }
  for (int64_t m : {1, 2, 4, 8, 16, 32, 64, 128, 512, 1500}) {
    Buffer a(m, kInner, type);
    Buffer c(m, 2 * kInner, type);
    double flops = 0;
    const double s = seconds([&] {
      flops = 0;
      for (int64_t i = 0; i < kLayers * 4; ++i) {
        const Linear& l = kLinears[i % 4];
        Matrix from = a.view, to = c.view;
        from.cols = l.k;
        to.cols = l.n;
        matmul(team, from, weights[i], to);
        flops += 2.0 * static_cast<double>(m * l.n * l.k);
      }
    });
    size_t bytes = 0;
    for (const auto& w : weights) bytes += w.bytes();
    std::printf("linear %s M=%-5ld %7.1f GFLOP/s %9.0f tokens/s %6.1f GB/s of weights\n",
                type == Type::f32 ? "f32 " : "bf16", static_cast<long>(m), flops / s * 1e-9,
                static_cast<double>(m) / s, static_cast<double>(bytes) / s * 1e-9);
  }
}

/// A mixture's projection beside a dense one of the same operations: rows of a batch, each sent to
/// 4 of 32 experts of a quarter of the inner size.
void experts(ThreadTeam& team, Type type) {
  constexpr int64_t kExperts = 32, kChosen = 4, kExpertInner = kInner / kChosen;
  std::vector<Buffer> values;
  std::vector<ConstMatrix> sources;
  values.reserve(kExperts);
  for (int64_t e = 0; e < kExperts; ++e) {
    sources.push_back(values.emplace_back(kExpertInner, kModel, Type::f32).view);
  }
  std::vector<PackedMatrix> weights(kExperts);
  pack_matrices(team, sources, PackedMatrix::Source::rows_are_outputs, type, weights);
  PackedMatrix dense;
  Buffer wide(kInner, kModel, Type::f32);
  dense.pack(team, wide.view, PackedMatrix::Source::rows_are_outputs, type);
  for (int64_t m : {8, 32, 128, 512, 1500}) {
    // Loads as uneven as a router's: they fall from twice the mean to none.
    std::vector<MatmulGroup> groups;
    int64_t begin = 0;
    for (int64_t e = 0; e < kExperts; ++e) {
      const int64_t end =
          m * kChosen * (2 * kExperts * (e + 1) - (e + 1) * (e + 1)) / (kExperts * kExperts);
      if (end > begin) groups.push_back({begin, end, &weights[static_cast<size_t>(e)]});
      begin = end;
    }
    Buffer gathered(m * kChosen, kModel, type), out(m * kChosen, kExpertInner, type);
    Buffer a(m, kModel, type), c(m, kInner, type);
    const double flops = 2.0 * static_cast<double>(m * kInner * kModel);
    const double grouped = seconds([&] { grouped_matmul(team, gathered.view, groups, out.view); });
    const double whole = seconds([&] { matmul(team, a.view, dense, c.view); });
    Buffer dw(kExpertInner * kExperts, kModel, Type::f32);
    std::vector<GradientGroup> gradients;
    for (size_t g = 0; g < groups.size(); ++g) {
      Matrix part = dw.view;
      part.data =
          static_cast<float*>(dw.view.data) + static_cast<int64_t>(g) * kExpertInner * kModel;
      part.rows = kExpertInner;
      gradients.push_back({groups[g].begin, groups[g].end, part});
    }
    const double backward = seconds(
        [&] { grouped_matmul_transposed(team, out.view, gathered.view, gradients, true, type); });
    std::printf("experts %s M=%-5ld grouped %7.1f GFLOP/s, dense %7.1f; weight gradients %7.1f\n",
                type == Type::f32 ? "f32 " : "bf16", static_cast<long>(m), flops / grouped * 1e-9,
                flops / whole * 1e-9, flops / backward * 1e-9);
  }
}

void gradients(ThreadTeam& team, Type type) {
  const int64_t t = 1500;
  Buffer a(t, 2 * kInner, type), b(t, kModel, type), c(2 * kInner, kModel, Type::f32);
  const double s = seconds([&] { matmul_transposed(team, a.view, b.view, c.view, true, type); });
  const double flops = 2.0 * static_cast<double>(t * 2 * kInner * kModel);
  std::printf("weight gradient %s T=1500 %7.1f GFLOP/s\n", type == Type::f32 ? "f32 " : "bf16",
              flops / s * 1e-9);
}

void packing(ThreadTeam& team) {
  Buffer w(kVocabulary, kModel, Type::f32);
  for (auto source :
       {PackedMatrix::Source::rows_are_outputs, PackedMatrix::Source::rows_are_inputs}) {
    PackedMatrix packed;
    const double s = seconds([&] { packed.pack(team, w.view, source, Type::bf16); });
    std::printf(
        "pack head, %s: %.1f ms\n",
        source == PackedMatrix::Source::rows_are_outputs ? "rows are outputs" : "rows are inputs",
        s * 1e3);
  }
}

void attention(ThreadTeam& team, Type type, int64_t num_rows, int64_t context, bool training) {
  KvLayer layer;
  layer.layout = {kKvHeads, kHeadDim, kHeadDim, type};
  const int64_t blocks = (context + 15) / 16;
  const int64_t sequences = training ? 1 : num_rows;
  layer.num_blocks = blocks * sequences;
  std::vector<std::byte> memory(static_cast<size_t>(layer.num_blocks * layer.layout.block_bytes()) +
                                64);
  layer.data = reinterpret_cast<std::byte*>((reinterpret_cast<uintptr_t>(memory.data()) + 63) &
                                            ~uintptr_t{63});
  std::vector<int32_t> table;
  for (int64_t i = 0; i < layer.num_blocks; ++i) {
    table.push_back(static_cast<int32_t>(i * 7919 % layer.num_blocks));
  }
  std::vector<AttentionRow> rows;
  for (int64_t r = 0; r < num_rows; ++r) {
    rows.push_back({training ? table.data() : table.data() + r * blocks,
                    static_cast<int32_t>(training ? r % context : context - 1)});
  }
  Buffer q(num_rows, kHeads * kHeadDim, type), out(num_rows, kHeads * kHeadDim, type);
  const AttentionShape shape{kHeads, 0.125F, 0};
  const double s =
      seconds([&] { paged_attention(team, q.view, layer, rows, shape, out.view, nullptr); });
  std::printf("attention %s %s R=%ld context %ld: %.2f ms for 30 layers\n",
              type == Type::f32 ? "f32 " : "bf16", training ? "prefill" : "decode",
              static_cast<long>(num_rows), static_cast<long>(context), s * kLayers * 1e3);
}

void attention_gradient(ThreadTeam& team, int64_t prompt, int64_t completion, int64_t group) {
  std::vector<AttentionSegment> segments{{0, prompt, 0, 0}};
  for (int64_t i = 0; i < group; ++i) {
    segments.push_back({prompt + i * completion, completion, 0, prompt});
  }
  const int64_t rows = prompt + group * completion;
  Buffer q(rows, kHeads * kHeadDim, Type::bf16), k(rows, kKvHeads * kHeadDim, Type::bf16);
  Buffer dq(rows, kHeads * kHeadDim, Type::f32), dk(rows, kKvHeads * kHeadDim, Type::f32);
  const std::vector<float> lse(static_cast<size_t>(rows * kHeads), 10.0F);
  const double s = seconds([&] {
    attention_backward(team, {q.view, k.view, k.view, q.view, lse.data()}, q.view, segments,
                       kKvHeads, {kHeads, 0.125F, 0}, dq.view, dk.view, dk.view);
  });
  std::printf("attention backward, %ld completions of %ld after %ld: %.1f ms for 30 layers\n",
              static_cast<long>(group), static_cast<long>(completion), static_cast<long>(prompt),
              s * kLayers * 1e3);
}

void logits(ThreadTeam& team) {
  Buffer w(kVocabulary, kModel, Type::f32);
  PackedMatrix head;
  head.pack(team, w.view, PackedMatrix::Source::rows_are_outputs, Type::bf16);
  Buffer x(32, kModel, Type::bf16), z(32, kVocabulary, Type::f32);
  const double product = seconds([&] { matmul(team, x.view, head, z.view); });
  const auto* rows = static_cast<const float*>(z.view.data);
  int64_t sum = 0;
  const double sample = seconds([&] {
    team.for_range(32, 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const float* row = rows + r * kVocabulary;
        const SoftmaxStats stats = softmax_stats(row, kVocabulary, 1.0F);
        const auto u = static_cast<float>(r) / 32.0F;
        sum += sample_index(row, kVocabulary, 1.0F, stats.log_sum_exp, u) > 0 ? 0 : 1;
      }
    });
  });
  std::printf("logits of 32 rows: %.2f ms (%.1f GFLOP/s), softmax and sample: %.2f ms\n",
              product * 1e3, 2.0 * 32 * kVocabulary * kModel / product * 1e-9, sample * 1e3);
  std::vector<int64_t> targets(32, 5);
  std::vector<float> lp(32), h(32), lse(32);
  const double forward = seconds(
      [&] { target_logprobs(team, z.view, targets, 1.0F, lp.data(), h.data(), lse.data()); });
  const double backward = seconds([&] {
    target_logprobs_backward(team, z.view, targets, 1.0F, lse.data(), h.data(), lp.data(), h.data(),
                             z.view);
  });
  std::printf("logprobs and entropies of 32 rows: %.2f ms, gradient: %.2f ms\n", forward * 1e3,
              backward * 1e3);
}

void rows(ThreadTeam& team) {
  Buffer x(1500, kModel, Type::f32), y(1500, kModel, Type::bf16);
  Buffer gate(1500, kInner, Type::bf16), up(1500, kInner, Type::bf16), z(1500, kInner, Type::bf16);
  const std::vector<float> weight(kModel, 1.0F);
  std::vector<float> inv(1500), dw(kModel);
  const double norm =
      seconds([&] { rms_norm(team, x.view, weight.data(), 1e-5F, y.view, inv.data()); });
  const double norm_back = seconds([&] {
    rms_norm_backward(team, x.view, weight.data(), inv.data(), y.view, x.view, true, dw.data());
  });
  const double silu =
      seconds([&] { gate_mul(team, GateFunction::silu, gate.view, up.view, z.view); });
  const double silu_back = seconds([&] {
    gate_mul_backward(team, GateFunction::silu, gate.view, up.view, z.view, gate.view, up.view);
  });
  std::printf("1500 rows: norm %.3f ms, backward %.3f ms; silu %.3f ms, backward %.3f ms\n",
              norm * 1e3, norm_back * 1e3, silu * 1e3, silu_back * 1e3);
}

void optimizer(ThreadTeam& team) {
  const int64_t n = 32 << 20;
  std::vector<float> p(n, 0.1F), g(n, 0.01F), m(n), v(n);
  AdamWStep step;
  step.lr = 1e-3F;
  const double s =
      seconds([&] { adamw_step(team, p.data(), g.data(), m.data(), v.data(), n, step); });
  const double squares = seconds([&] { sum_squares(team, g.data(), n); });
  const double finite = seconds([&] { all_finite(team, g.data(), n); });
  std::printf("adamw %.1f GB/s, sum of squares %.1f GB/s, all_finite %.1f GB/s\n",
              28.0 * static_cast<double>(n) / s * 1e-9,
              4.0 * static_cast<double>(n) / squares * 1e-9,
              4.0 * static_cast<double>(n) / finite * 1e-9);
}

void team_latency(ThreadTeam& team) {
  const double s = seconds([&] {
    for (int i = 0; i < 1000; ++i)
      team.run(team.size(), [](ThreadTeam::Tasks& tasks) {
        for (int64_t task; tasks.next(task);) {
        }
      });
  });
  std::printf("team hand-over: %.2f us\n", s * 1e3);
}

}  // namespace

int main(int argc, char** argv) {
  ThreadTeam team(argc > 1 ? std::atoi(argv[1]) : 2);
  one_thread = team.size() == 1;
  const std::string only = argc > 2 ? argv[2] : "";
  const auto wants = [&](const char* subject) { return only.empty() || only == subject; };
  std::printf("%s, %d threads\n", instruction_set(), team.size());
  if (wants("team")) team_latency(team);
  if (wants("linear")) linears(team, Type::bf16);
  if (wants("linear32")) linears(team, Type::f32);
  if (wants("experts")) {
    experts(team, Type::bf16);
    experts(team, Type::f32);
  }
  if (wants("gradient")) {
    gradients(team, Type::bf16);
    gradients(team, Type::f32);
  }
  if (wants("pack")) packing(team);
  if (wants("attention")) {
    for (Type type : {Type::bf16, Type::f32}) {
      attention(team, type, 32, 100, false);
      attention(team, type, 32, 1000, false);
      attention(team, type, 2000, 200, true);
      attention(team, type, 2000, 1000, true);
    }
  }
  if (wants("backward")) {
    attention_gradient(team, 100, 150, 8);
    attention_gradient(team, 1000, 1, 1);
  }
  if (wants("logits")) logits(team);
  if (wants("rows")) rows(team);
  if (wants("optimizer")) optimizer(team);
  return 0;
}
