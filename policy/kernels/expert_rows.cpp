#include "policy/kernels/expert_rows.h"

#include <string>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"

namespace gradus::policy::kernels {
namespace {

template <class Fn>
void each(ThreadTeam& team, int64_t count, int64_t cols, Fn fn) {
  team.for_range(count, 1 + kGrainValues / (cols > 0 ? cols : 1), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) fn(i);
  });
}

void check(const char* where, bool fits) {
  if (!fits) throw ArgumentError(std::string(where) + ": shapes do not fit the experts' rows");
}

}  // namespace

ExpertRows::ExpertRows(std::span<const int32_t> chosen, int per_token_, int num_experts)
    : per_token(per_token_), row(chosen.size()), place(chosen.size()) {
  std::vector<int64_t> next(static_cast<size_t>(num_experts) + 1, 0);
  for (const int32_t e : chosen) {
    if (e < 0 || e >= num_experts) {
      throw ArgumentError("expert " + std::to_string(e) + " of " + std::to_string(num_experts));
    }
    ++next[static_cast<size_t>(e) + 1];
  }
  for (size_t e = 0; e < static_cast<size_t>(num_experts); ++e) {
    const int64_t begin = next[e];
    next[e + 1] += begin;
    if (next[e + 1] > begin) groups.push_back({static_cast<int32_t>(e), begin, next[e + 1]});
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    const int64_t n = next[static_cast<size_t>(chosen[i])]++;
    row[static_cast<size_t>(n)] = static_cast<int64_t>(i) / per_token;
    place[i] = n;
  }
}

void gather_rows(ThreadTeam& team, ConstMatrix x, const ExpertRows& rows, Matrix y) {
  check("gather_rows", x.cols == y.cols && y.rows == rows.size());
  each(team, y.rows, y.cols, [&](int64_t n) {
    kernels().convert(at(x, rows.row[static_cast<size_t>(n)]), x.type, at(y, n), y.type, y.cols);
  });
}

void add_rows(ThreadTeam& team, ConstMatrix x, const ExpertRows& rows,
              std::span<const float> weights, Matrix y) {
  check("add_rows", x.cols == y.cols && x.rows == rows.size() && y.type == Type::f32 &&
                        y.rows * rows.per_token == rows.size());
  const int64_t K = rows.per_token;
  each(team, y.rows, y.cols * K, [&](int64_t t) {
    auto* to = reinterpret_cast<float*>(at(y, t));
    for (int64_t i = t * K; i < (t + 1) * K; ++i) {
      const auto* from = at(x, rows.place[static_cast<size_t>(i)]);
      if (weights.empty()) {
        kernels().add_to(from, x.type, to, y.cols);
      } else {
        kernels().add_scaled(from, x.type, weights[static_cast<size_t>(i)], to, y.cols);
      }
    }
  });
}

void scale_rows(ThreadTeam& team, ConstMatrix x, const ExpertRows& rows,
                std::span<const float> weights, Matrix y) {
  check("scale_rows", x.cols == y.cols && x.rows == rows.size() && y.rows == rows.size() &&
                          static_cast<int64_t>(weights.size()) == rows.size());
  each(team, rows.size(), x.cols, [&](int64_t i) {
    const int64_t n = rows.place[static_cast<size_t>(i)];
    kernels().scale(at(x, n), x.type, weights[static_cast<size_t>(i)], at(y, n), y.type, x.cols);
  });
}

void dot_rows(ThreadTeam& team, ConstMatrix x, ConstMatrix y, const ExpertRows& rows,
              std::span<float> out) {
  check("dot_rows", x.cols == y.cols && x.rows == rows.size() && y.rows == rows.size() &&
                        static_cast<int64_t>(out.size()) == rows.size());
  each(team, rows.size(), x.cols, [&](int64_t i) {
    const int64_t n = rows.place[static_cast<size_t>(i)];
    out[static_cast<size_t>(i)] = kernels().dot(at(x, n), x.type, at(y, n), y.type, x.cols);
  });
}

}  // namespace gradus::policy::kernels
