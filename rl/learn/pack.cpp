#include "rl/learn/pack.h"

#include <algorithm>
#include <utility>

namespace gradus::rl {
namespace {

/// Rows of the item itself: up to the one before its last scored token. -1: nothing is scored.
int64_t own_rows(const PackItem& item) {
  for (size_t i = item.tokens.size(); i-- > 0;) {
    if (item.scores(i)) return static_cast<int64_t>(i);
  }
  return -1;
}

/// Fills one microbatch after another.
class Packer {
 public:
  Packer(std::span<const PackItem> items, int64_t max_rows, int64_t experts_per_row,
         int64_t experts_per_layer)
      : items_(items),
        max_rows_(max_rows),
        experts_per_row_(experts_per_row),
        experts_per_layer_(experts_per_layer) {}

  /// Items [begin, end) share a prefix, or are one item without.
  void add_run(size_t begin, size_t end) {
    int64_t rows = 0;
    for (size_t i = begin; i < end; ++i) rows += std::max<int64_t>(own_rows(items_[i]), 0);
    rows += static_cast<int64_t>(items_[begin].prefix.size());
    if (!fits(rows)) flush();
    prefix_segment_ = -1;
    is_prefix_laid_ = false;
    for (size_t i = begin; i < end; ++i) add_item(static_cast<int32_t>(i));
  }

  std::vector<Microbatch> finish() {
    flush();
    return std::move(done_);
  }

 private:
  bool fits(int64_t rows) const { return current_.batch.num_rows() + rows <= max_rows_; }

  void flush() {
    if (!current_.items.empty()) done_.push_back(std::exchange(current_, {}));
    prefix_segment_ = -1;
  }

  void add_item(int32_t index) {
    const PackItem& item = items_[static_cast<size_t>(index)];
    const int64_t rows = own_rows(item);
    if (rows < 0) return;
    const auto prefix_rows = static_cast<int64_t>(item.prefix.size());
    if (!fits(rows + (prefix_segment_ < 0 ? prefix_rows : 0))) flush();
    if (prefix_rows > 0 && prefix_segment_ < 0) {
      prefix_segment_ = add_segment(item.prefix, 0, -1, item.prefix_experts);
      current_.batch.segments.back().is_repeated = std::exchange(is_prefix_laid_, true);
    }
    const int64_t begin = current_.batch.num_rows();
    if (rows > 0) {
      add_segment(item.tokens.first(static_cast<size_t>(rows)), prefix_rows, prefix_segment_,
                  item.experts);
    }
    add_scores(index, begin);
  }

  int32_t add_segment(std::span<const int32_t> tokens, int64_t position, int32_t prefix,
                      std::span<const uint16_t> experts) {
    add_experts(tokens.size(), experts);
    policy::PackedBatch& batch = current_.batch;
    batch.segments.push_back({batch.num_rows(), static_cast<int64_t>(tokens.size()), prefix});
    for (const int32_t token : tokens) {
      batch.tokens.push_back(token);
      batch.positions.push_back(static_cast<int32_t>(position++));
    }
    return static_cast<int32_t>(batch.segments.size()) - 1;
  }

  /// Choices of `rows` rows; where too few are known, the rest is marked so.
  void add_experts(size_t rows, std::span<const uint16_t> experts) {
    if (experts_per_row_ == 0) return;
    auto& choices = current_.experts;
    choices.per_token = experts_per_layer_;
    choices.layers = experts_per_row_ / experts_per_layer_;
    const size_t wanted = rows * static_cast<size_t>(experts_per_row_);
    const size_t end = choices.experts.size() + wanted;
    const auto known = experts.first(std::min(wanted, experts.size()));
    choices.experts.insert(choices.experts.end(), known.begin(), known.end());
    choices.experts.resize(end, policy::ExpertChoices::kUnknown);
  }

  /// @param begin  the item's first row.
  void add_scores(int32_t index, int64_t begin) {
    const PackItem& item = items_[static_cast<size_t>(index)];
    for (size_t i = 0; i < item.tokens.size(); ++i) {
      if (!item.scores(i)) continue;
      current_.scores.rows.push_back(i > 0 ? begin + static_cast<int64_t>(i) - 1
                                           : last_prefix_row());
      current_.scores.targets.push_back(item.tokens[i]);
      current_.token.push_back(item.first_token + static_cast<int64_t>(i));
      current_.sequence.push_back(static_cast<int64_t>(current_.items.size()));
    }
    current_.items.push_back(index);
  }

  int64_t last_prefix_row() const {
    const policy::Segment& prefix = current_.batch.segments[static_cast<size_t>(prefix_segment_)];
    return prefix.begin + prefix.length - 1;
  }

  std::span<const PackItem> items_;
  int64_t max_rows_;
  int64_t experts_per_row_;
  int64_t experts_per_layer_;
  Microbatch current_;
  int32_t prefix_segment_ = -1;  ///< of the current run in the current microbatch
  bool is_prefix_laid_ = false;  ///< of the current run, in this microbatch or an earlier one
  std::vector<Microbatch> done_;
};

}  // namespace

int64_t num_scored(const PackItem& item) {
  int64_t count = 0;
  for (size_t i = 0; i < item.tokens.size(); ++i) count += item.scores(i) ? 1 : 0;
  return count;
}

std::vector<Microbatch> pack(std::span<const PackItem> items, int64_t max_rows,
                             int64_t experts_per_row, int64_t experts_per_layer) {
  Packer packer(items, max_rows, experts_per_row, experts_per_layer);
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin + 1;
    while (end < items.size() && items[begin].prefix_id >= 0 &&
           items[end].prefix_id == items[begin].prefix_id) {
      ++end;
    }
    packer.add_run(begin, end);
    begin = end;
  }
  return packer.finish();
}

}  // namespace gradus::rl
