#include "policy/ops/autograd.h"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace gradus::policy {
namespace {

class FunctionNode : public torch::autograd::Node {
 public:
  FunctionNode(std::string name, BackwardFunction backward)
      : name_(std::move(name)), backward_(std::move(backward)) {}

  torch::autograd::variable_list apply(torch::autograd::variable_list&& grads) override {
    TORCH_CHECK(backward_ != nullptr, name_, ": the backward pass ran a second time");
    return backward_(grads);
  }
  void release_variables() override { backward_ = nullptr; }
  std::string name() const override { return name_; }

 private:
  std::string name_;
  BackwardFunction backward_;
};

/// LibTorch holds nodes by shared_ptr up to 2.12 and by intrusive_ptr from 2.13 on.
template <class Pointer>
Pointer make_node(const char* name, BackwardFunction backward) {
  if constexpr (std::is_same_v<Pointer, std::shared_ptr<torch::autograd::Node>>) {
    return std::make_shared<FunctionNode>(name, std::move(backward));
  } else {
    return c10::make_intrusive<FunctionNode>(name, std::move(backward));
  }
}
using NodePointer = decltype(torch::autograd::Edge::function);

}  // namespace

bool is_recorded(const std::vector<at::Tensor>& inputs) {
  if (!at::GradMode::is_enabled()) return false;
  for (const auto& input : inputs) {
    if (input.defined() && input.requires_grad()) return true;
  }
  return false;
}

void record(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& outputs,
            const char* name, BackwardFunction backward) {
  const auto node = make_node<NodePointer>(name, std::move(backward));
  torch::autograd::edge_list edges;
  for (const auto& input : inputs) {
    edges.push_back(input.defined() ? torch::autograd::impl::gradient_edge(input)
                                    : torch::autograd::Edge());
  }
  node->set_next_edges(std::move(edges));
  for (const auto& output : outputs) torch::autograd::set_history(output, node);
}

}  // namespace gradus::policy
