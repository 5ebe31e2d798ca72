#pragma once

#include <cstdint>
#include <vector>

namespace gradus::rl {

/// The order in which a step's gradient is summed, whatever the number of ranks.
///
/// The step's microbatches are cut into leaves; over leaves 0..L-1 stands one binary tree: a node
/// of n > 1 leaves is split at the largest power of two below n, its value is left + right. A rank
/// has leaves in succession and adds up what lies within one node; who puts the parts of all ranks
/// together goes up the same tree, so that the sum has the same bits for every number of ranks.

/// Leaves [begin, end).
struct LeafRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
  bool operator==(const LeafRange&) const = default;
};

/// Where a node of at least two leaves is split.
int64_t split_of(const LeafRange& node);

/// Whether the two are the halves of one node of the tree over `num_leaves`.
bool are_halves(int64_t num_leaves, const LeafRange& left, const LeafRange& right);

/// The fewest nodes of the tree over `num_leaves` that `part` is made of, in order.
std::vector<LeafRange> nodes_within(int64_t num_leaves, const LeafRange& part);

/// Part `index` of `count` parts of [0, size), as even as they can be, the same everywhere.
LeafRange part_of(int64_t size, int64_t index, int64_t count);

}  // namespace gradus::rl
