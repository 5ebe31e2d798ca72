#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/model_config.h"

namespace gradus::policy {

/// A tensor of the base that is a part of a parameter of transformers 5.
struct ExpertPart {
  std::string tensor;
  int64_t expert = 0;
  int64_t first_row = 0;
};

/// A parameter [E, out, in] of transformers 5: one matrix of each of E experts.
struct ExpertParameter {
  std::string name;  ///< "gate_up_proj"
  int64_t out = 0;
  int64_t in = 0;
  std::vector<ExpertPart> parts;
};

/// The routed experts of a layer.
struct ExpertStack {
  int64_t count = 0;
  std::vector<ExpertParameter> parameters;  ///< in the order that PEFT meets them
};

/// A base's tensors by the names that transformers has for them, versions 4 and 5: tensors of the
/// checkpoint, and of experts the parameters that version 5 stacks them in.
class BaseModules {
 public:
  explicit BaseModules(const ModelConfig& model);

  /// Null where there is none, and for prediction modules, which transformers leaves out.
  const TensorSpec* find(const std::string& tensor) const;
  /// Null where the module is no stack of experts: "model.layers.0.mlp.experts".
  const ExpertStack* experts(const std::string& module) const;
  /// Whether it is the embedding or the head.
  bool is_vocabulary(const std::string& module) const;

  /// Those of the layers, the embedding and the norms.
  const std::vector<TensorSpec>& tensors() const { return tensors_; }

  /// The flag of config.json that gives layers of this role a bias; null where there is none.
  const char* bias_flag(TensorRole role) const;

 private:
  void stack(const TensorSpec& spec);
  std::string known_name(const std::string& name) const;

  const ModelConfig& model_;
  std::vector<TensorSpec> tensors_;
  std::map<std::string, size_t> index_;
  std::map<std::string, ExpertStack> experts_;
};

}  // namespace gradus::policy
