#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gradus::policy {

/// By what `lora.targets` names a linear layer: the last part of its tensor's name without the
/// ending, "q_proj" of "model.layers.0.self_attn.q_proj".
std::string_view adapter_target(std::string_view name);

/// Those of all linear layers that adapters may stand beside, of every family.
std::vector<std::string> adapter_targets();

}  // namespace gradus::policy
