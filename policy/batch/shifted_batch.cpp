#include "policy/batch/shifted_batch.h"

#include <algorithm>

namespace gradus::policy {
namespace {

class Shift {
 public:
  explicit Shift(const PackedBatch& batch) : in_(batch) {
    out_.predictor.assign(batch.tokens.size(), -1);
    out_.batch.routing = batch.routing;
  }

  ShiftedBatch run() {
    for (const Segment& segment : in_.segments) {
      const bool has_prefix = segment.prefix >= 0 && prefix_of(segment).length > 0;
      has_prefix ? continuation(segment) : beginning(segment);
    }
    return std::move(out_);
  }

 private:
  const Segment& prefix_of(const Segment& segment) const {
    return in_.segments[static_cast<size_t>(segment.prefix)];
  }

  /// Row `source` of place i; `next` is the row that reads the token at i + 1.
  void add_row(int64_t source, int64_t next) {
    out_.source.push_back(source);
    out_.batch.tokens.push_back(in_.tokens[static_cast<size_t>(next)]);
    out_.batch.positions.push_back(in_.positions[static_cast<size_t>(source)]);
  }

  void beginning(const Segment& segment) {
    const int64_t begin = out_.batch.num_rows();
    const int64_t length = std::max<int64_t>(segment.length - 1, 0);
    for (int64_t i = 0; i < length; ++i) {
      add_row(segment.begin + i, segment.begin + i + 1);
      out_.predictor[static_cast<size_t>(segment.begin + i + 1)] = begin + i;
    }
    out_.batch.segments.push_back({begin, length, -1, segment.is_repeated});
  }

  void continuation(const Segment& segment) {
    const Segment& prefix = prefix_of(segment);
    const int64_t begin = out_.batch.num_rows();
    for (int64_t i = 0; i < segment.length; ++i) {
      const int64_t source = i > 0 ? segment.begin + i - 1 : prefix.begin + prefix.length - 1;
      add_row(source, segment.begin + i);
      out_.predictor[static_cast<size_t>(segment.begin + i)] = begin + i;
    }
    out_.batch.segments.push_back(
        {begin, segment.length, prefix.length > 1 ? segment.prefix : -1, segment.is_repeated});
  }

  const PackedBatch& in_;
  ShiftedBatch out_;
};

}  // namespace

ShiftedBatch shift_one_token(const PackedBatch& batch) {
  return Shift(batch).run();
}

ScoreList shifted_scores(const ScoreList& list, const ShiftedBatch& shifted) {
  ScoreList moved;
  for (size_t s = 0; s < list.rows.size(); ++s) {
    const int64_t row = shifted.predictor[static_cast<size_t>(list.rows[s])];
    if (row < 0) continue;
    moved.rows.push_back(row);
    moved.targets.push_back(list.targets[s]);
  }
  return moved;
}

}  // namespace gradus::policy
