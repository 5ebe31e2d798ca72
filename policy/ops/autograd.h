#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

namespace gradus::policy {

/// Gradients in the order of a node's inputs or outputs; undefined means zero.
using Gradients = std::vector<at::Tensor>;
using BackwardFunction = std::function<Gradients(const Gradients&)>;

/// True when grad mode is on and one of the inputs takes part in autograd.
bool is_recorded(const std::vector<at::Tensor>& inputs);

/// Makes `outputs` (fresh tensors, computed outside autograd) depend on `inputs`: `backward` maps
/// gradients of the outputs to gradients of the inputs. It runs once, in the thread that called
/// backward(), and is released with what it captured when the graph is. It must capture inputs
/// and outputs detached, else the graph would hold itself.
void record(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& outputs,
            const char* name, BackwardFunction backward);

}  // namespace gradus::policy
