#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// Rows of a batch sorted by the experts that they chose, T rows of K choices each: N = T * K rows,
/// expert by expert, within an expert in the batch's order. Experts without rows have no group.
struct ExpertRows {
  struct Group {
    int32_t expert = 0;
    int64_t begin = 0;
    int64_t end = 0;
  };

  /// @param chosen  [T * K] experts, ascending within a row.
  ExpertRows(std::span<const int32_t> chosen, int per_token, int num_experts);

  int per_token;               ///< K
  std::vector<Group> groups;   ///< by expert
  std::vector<int64_t> row;    ///< [N] the batch's row
  std::vector<int64_t> place;  ///< [T * K] where a row's k-th choice stands among the N

  int64_t size() const { return static_cast<int64_t>(row.size()); }
};

/// y[n] = x[rows.row[n]], [T, D] to [N, D].
void gather_rows(ThreadTeam& team, ConstMatrix x, const ExpertRows& rows, Matrix y);

/// y[t] += sum over k of weight[t, k] * x[place[t, k]], [N, D] to [T, D] float32; one choice after
/// the other in ascending order of the experts' numbers, so that a row's bits are its own.
/// @param weights  [T * K]; empty: all 1.
void add_rows(ThreadTeam& team, ConstMatrix x, const ExpertRows& rows,
              std::span<const float> weights, Matrix y);

/// y[n] = weight * x[n], with the weight of the choice that n is.
/// @param weights  [T * K].
void scale_rows(ThreadTeam& team, ConstMatrix x, const ExpertRows& rows,
                std::span<const float> weights, Matrix y);

/// out[t, k] = x[n] . y[n] for n = place[t, k].
void dot_rows(ThreadTeam& team, ConstMatrix x, ConstMatrix y, const ExpertRows& rows,
              std::span<float> out);

}  // namespace gradus::policy::kernels
