#include "rl/parallel/gradient_tree.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

namespace gradus::rl {
namespace {

constexpr int64_t kBucketElements = int64_t{4} << 20;  // few, large messages: 16 MiB a node

/// Parts of one range of the gradients, by their nodes, as flat tensors.
class Fold {
 public:
  void put(const LeafRange& node, at::Tensor values) {
    parts_.emplace(std::pair{node.begin, node.end}, std::move(values));
  }
  /// The value of a node, by the tree.
  at::Tensor value_of(const LeafRange& node) {
    if (const auto found = parts_.find({node.begin, node.end}); found != parts_.end())
      return found->second;
    const int64_t middle = split_of(node);
    at::Tensor left = value_of({node.begin, middle});
    return left.add_(value_of({middle, node.end}));
  }

 private:
  std::map<std::pair<int64_t, int64_t>, at::Tensor> parts_;
};

}  // namespace

GradientTree::GradientTree(std::vector<policy::Parameter>& parameters, int64_t num_leaves,
                           Communicator& ranks)
    : parameters_(parameters), num_leaves_(num_leaves), ranks_(ranks), next_(own().begin) {}

GradientTree::Buffers GradientTree::gradients() const {
  Buffers flat;
  for (const auto& parameter : parameters_) flat.push_back(parameter.grad.view({-1}));
  return flat;
}

void GradientTree::end_leaf() {
  const at::NoGradGuard no_grad;
  present_ = {next_, next_ + 1};
  ++next_;
  while (!waiting_.empty() && are_halves(num_leaves_, waiting_.back().leaves, present_)) {
    Node& left = waiting_.back();
    auto sums = gradients();
    for (size_t i = 0; i < sums.size(); ++i) sums[i].add_(left.sums[i]);
    present_.begin = left.leaves.begin;
    free_.push_back(std::move(left.sums));
    waiting_.pop_back();
  }
  if (next_ < own().end) set_aside();
}

void GradientTree::set_aside() {
  auto sums = gradients();
  if (free_.empty()) {
    Buffers made;
    for (const auto& sum : sums) made.push_back(at::empty(sum.sizes(), sum.options()));
    free_.push_back(std::move(made));
  }
  waiting_.push_back({present_, std::move(free_.back())});
  free_.pop_back();
  for (size_t i = 0; i < sums.size(); ++i) {
    waiting_.back().sums[i].copy_(sums[i]);
    sums[i].zero_();
  }
}

void GradientTree::sum() {
  if (ranks_.size() == 1) return;  // the root is in the gradients
  const at::NoGradGuard no_grad;
  if (own().size() > 0) waiting_.push_back({present_, gradients()});
  int64_t total = 0;
  for (const auto& parameter : parameters_) total += parameter.grad.numel();
  for (int64_t begin = 0; begin < total; begin += kBucketElements)
    sum_range(begin, std::min(total, begin + kBucketElements));
  waiting_.clear();
}

void GradientTree::copy_range(const Buffers& buffers, int64_t begin, int64_t end,
                              float* out) const {
  int64_t first = 0;
  for (const at::Tensor& buffer : buffers) {
    const int64_t from = std::max(begin, first);
    const int64_t to = std::min(end, first + buffer.numel());
    if (from < to) {
      const at::Tensor host = buffer.narrow(0, from - first, to - from).cpu();
      std::memcpy(out + (from - begin), host.const_data_ptr<float>(),
                  static_cast<size_t>(to - from) * sizeof(float));
    }
    first += buffer.numel();
  }
}

/// For each rank, its part of the range of each own node.
at::Tensor GradientTree::pack(int64_t begin, int64_t end, std::vector<int64_t>& to) const {
  const auto num_nodes = std::ssize(waiting_);
  at::Tensor packed = at::empty({num_nodes * (end - begin)}, at::kFloat);
  float* out = packed.mutable_data_ptr<float>();
  for (int r = 0; r < ranks_.size(); ++r) {
    const LeafRange part = part_of(end - begin, r, ranks_.size());
    for (const Node& node : waiting_) {
      copy_range(node.sums, begin + part.begin, begin + part.end, out);
      out += part.size();
    }
    to.push_back(num_nodes * part.size());
  }
  return packed;
}

/// Each rank adds up its part of the range, and all get all parts.
void GradientTree::sum_range(int64_t begin, int64_t end) {
  const int64_t R = ranks_.size();
  const int64_t mine = part_of(end - begin, ranks_.rank(), R).size();
  std::vector<int64_t> to;
  const at::Tensor packed = pack(begin, end, to);
  std::vector<int64_t> from;
  std::vector<LeafRange> nodes;  // of all ranks, in the order in which they come
  for (int r = 0; r < R; ++r) {
    const auto theirs = nodes_within(num_leaves_, leaves_of(r));
    from.push_back(std::ssize(theirs) * mine);
    nodes.insert(nodes.end(), theirs.begin(), theirs.end());
  }
  at::Tensor received = at::empty({std::ssize(nodes) * mine}, at::kFloat);
  ranks_.all_to_all(received, from, packed, to);
  Fold fold;
  for (size_t n = 0; n < nodes.size(); ++n)
    fold.put(nodes[n], received.narrow(0, static_cast<int64_t>(n) * mine, mine));

  const int64_t widest = (end - begin + R - 1) / R;
  at::Tensor own_sum = at::zeros({widest}, at::kFloat);
  own_sum.narrow(0, 0, mine).copy_(fold.value_of({0, num_leaves_}));
  at::Tensor sums = at::empty({R, widest}, at::kFloat);
  ranks_.all_gather(sums, own_sum);
  int64_t first = 0;
  for (auto& gradient : gradients()) {
    for (int r = 0; r < R; ++r) {
      const LeafRange part = part_of(end - begin, r, R);
      const int64_t low = std::max(begin + part.begin, first);
      const int64_t high = std::min(begin + part.end, first + gradient.numel());
      if (low >= high) continue;
      gradient.narrow(0, low - first, high - low)
          .copy_(sums.select(0, r).narrow(0, low - begin - part.begin, high - low));
    }
    first += gradient.numel();
  }
}

}  // namespace gradus::rl
