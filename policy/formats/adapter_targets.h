#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/formats/expected_tensors.h"

namespace gradus::policy {

/// By what `lora.targets` names a linear layer: the last part of its tensor's name without the
/// ending, "q_proj" of "model.layers.0.self_attn.q_proj".
std::string_view adapter_target(std::string_view name);

/// Those of all linear layers of the layers that adapters may stand beside, of every family. The
/// head may have one, too, and is not in the list.
std::vector<std::string> adapter_targets();

/// Whether adapters may stand beside a layer of this role.
bool is_adaptable(TensorRole role);

}  // namespace gradus::policy
