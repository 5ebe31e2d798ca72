#pragma once

#include <cstdint>
#include <vector>

#include "policy/batch/packed_batch.h"

namespace gradus::policy {

/// The rows of the next multi-token prediction module (DeepSeek-V3, arXiv:2412.19437, 2.2): each
/// joins the hidden state at place i with the token that the batch before it reads at place i + 1.
struct ShiftedBatch {
  PackedBatch batch;            ///< tokens are those that enter; positions are the places i
  std::vector<int64_t> source;  ///< [rows] row of the batch before, whose hidden state enters
  /// [rows of the batch before] the row of this batch that predicts the token which that row
  /// predicts, -1: none. A completion's first token is predicted from within the prompt.
  std::vector<int64_t> predictor;
};

/// Segments keep their order and number, shorter by what they cannot know: a prompt's last place
/// is followed by another token in each completion, so that its row moves into each of them.
ShiftedBatch shift_one_token(const PackedBatch& batch);

/// The scores of `list` that the shifted batch predicts, at its rows.
ScoreList shifted_scores(const ScoreList& list, const ShiftedBatch& shifted);

}  // namespace gradus::policy
