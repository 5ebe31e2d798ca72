#include "rl/parallel/leaf_tree.h"

#include <bit>

namespace gradus::rl {
namespace {

void add_nodes(const LeafRange& node, const LeafRange& part, std::vector<LeafRange>& nodes) {
  if (part.end <= node.begin || node.end <= part.begin) return;
  if (part.begin <= node.begin && node.end <= part.end) {
    nodes.push_back(node);
    return;
  }
  const int64_t middle = split_of(node);
  add_nodes({node.begin, middle}, part, nodes);
  add_nodes({middle, node.end}, part, nodes);
}

}  // namespace

int64_t split_of(const LeafRange& node) {
  return node.begin + static_cast<int64_t>(std::bit_floor(static_cast<uint64_t>(node.size() - 1)));
}

bool are_halves(int64_t num_leaves, const LeafRange& left, const LeafRange& right) {
  if (left.end != right.begin) return false;
  LeafRange node{0, num_leaves};
  while (node.size() > 1) {
    const int64_t middle = split_of(node);
    if (left.begin == node.begin && right.end == node.end) return middle == left.end;
    if (right.end <= middle)
      node.end = middle;
    else if (left.begin >= middle)
      node.begin = middle;
    else
      return false;
  }
  return false;
}

std::vector<LeafRange> nodes_within(int64_t num_leaves, const LeafRange& part) {
  std::vector<LeafRange> nodes;
  if (num_leaves > 0 && part.size() > 0) add_nodes({0, num_leaves}, part, nodes);
  return nodes;
}

LeafRange part_of(int64_t size, int64_t index, int64_t count) {
  return {size * index / count, size * (index + 1) / count};
}

}  // namespace gradus::rl
