#include "policy/formats/tensor_names.h"

#include <fmt/format.h>

#include "policy/formats/families/family.h"
#include "policy/formats/layer_tensors.h"
#include "policy/formats/model_config.h"

namespace gradus::policy {

std::string layer_prefix(int64_t layer) {
  return fmt::format("{}{}.", kLayersPrefix, layer);
}

std::string tensor_name(const ModelConfig& config, TensorRole role) {
  return fmt::format("{}.weight", family_of(config).stem(role));
}

std::string tensor_name(const LayerTensor& tensor, int64_t layer, int64_t expert) {
  std::string stem(tensor.stem);
  if (expert >= 0) stem.replace(stem.find("{}"), 2, std::to_string(expert));
  // The router's bias is a tensor of its own, named without an ending.
  const bool is_named_whole = tensor.role == TensorRole::router_bias;
  const char* ending = is_named_whole ? "" : tensor.is_bias ? ".bias" : ".weight";
  return layer_prefix(layer) + stem + ending;
}

}  // namespace gradus::policy
