#pragma once

#include <cstdint>
#include <vector>

namespace gradus::policy {

struct LayerTrace;
struct RoutingPass;

/// Rows [begin, begin + length) of a packed batch: one prompt, or one completion that follows the
/// rows of segment `prefix`. Completions of a group name the same prefix, whose rows are computed
/// once. A prefix has no prefix itself and stands before the segments that name it.
struct Segment {
  int64_t begin = 0;
  int64_t length = 0;
  int32_t prefix = -1;  ///< index of a segment, -1: none
  /// The same rows are in an earlier batch of the step: mixtures do not note or balance them again.
  bool is_repeated = false;
};

/// Sequences laid end to end, without padding.
struct PackedBatch {
  std::vector<int64_t> tokens;     ///< [T]
  std::vector<int32_t> positions;  ///< [T] place in the row's own sequence, prefix included
  std::vector<Segment> segments;   ///< cover [0, T) in order, without gaps
  /// What mixtures of experts are told and note (policy/ops/routing.h); the caller's, until
  /// backward passes are done. null: they choose freely and note nothing.
  RoutingPass* routing = nullptr;
  LayerTrace* trace = nullptr;  ///< filled by `forward` where it is there

  int64_t num_rows() const { return static_cast<int64_t>(tokens.size()); }
};

/// Which next-token logprobs are wanted: the logprob of targets[s] after row rows[s].
/// A prompt's last row may stand several times, once for each completion's first token.
struct ScoreList {
  std::vector<int64_t> rows;     ///< [S] in [0, T)
  std::vector<int64_t> targets;  ///< [S] token ids
};

}  // namespace gradus::policy
