#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policy/batch/packed_batch.h"
#include "policy/ops/routing.h"

namespace gradus::rl {

/// A sequence whose tokens' logprobs are wanted: a completion behind its prompt, or a text.
/// Spans look into records that outlive the item.
struct PackItem {
  int32_t prefix_id = -1;              ///< items in succession with one id share the prefix's rows
  std::span<const int32_t> prefix;     ///< the prompt; empty with prefix_id -1
  std::span<const int32_t> tokens;     ///< what follows it
  std::span<const uint8_t> is_target;  ///< [tokens] 1: logprob wanted; empty: of all
  /// Experts that the sampler chose, [prefix, layers, K] and [rows of tokens, layers, K]; shorter
  /// where nobody kept them.
  std::span<const uint16_t> prefix_experts;
  std::span<const uint16_t> experts;
  int64_t first_token = 0;  ///< place of tokens[0] in arrays over the batch's tokens

  /// Whether the logprob of tokens[i] is wanted; there is none for the first token of all.
  bool scores(size_t i) const {
    return (i > 0 || !prefix.empty()) && (is_target.empty() || is_target[i] != 0);
  }
};

/// What goes through the model together. Shapes: S scored tokens.
struct Microbatch {
  policy::PackedBatch batch;
  policy::ScoreList scores;       ///< [S] item by item, in the tokens' order
  std::vector<int64_t> token;     ///< [S] PackItem::first_token + place in the item
  std::vector<int64_t> sequence;  ///< [S] index into `items`
  std::vector<int32_t> items;     ///< packed items, by index, in order
  policy::ExpertChoices experts;  ///< of the batch's rows; empty: no item has any

  int64_t num_scores() const { return static_cast<int64_t>(scores.rows.size()); }
};

/// Number of tokens of the item that are scored.
int64_t num_scored(const PackItem& item);

/// Lays items end to end into microbatches of at most max_rows rows.
///
/// Items that share a prefix stay together where they fit into one microbatch; a group that is
/// larger is split and its prefix repeated (Segment::is_repeated). Items are never split: one that
/// is larger than max_rows alone is a microbatch of its own. No row is laid that scores nothing:
/// the last scored token of an item has none, and a first token is scored from the prefix's last
/// row. An item without a scored token is in no microbatch.
///
/// @param experts_per_row  layers * K of the items' experts.
/// @param experts_per_layer  K.
std::vector<Microbatch> pack(std::span<const PackItem> items, int64_t max_rows,
                             int64_t experts_per_row = 0, int64_t experts_per_layer = 0);

}  // namespace gradus::rl
