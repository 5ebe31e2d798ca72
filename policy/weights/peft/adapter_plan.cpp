#include "policy/weights/peft/adapter_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "policy/formats/adapter_targets.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/tensor_names.h"
#include "policy/weights/peft/adapter_rules.h"
#include "policy/weights/peft/base_modules.h"
#include "policy/weights/peft/module_tensors.h"
#include "policy/weights/peft/vocabulary_plan.h"

namespace gradus::policy {
namespace {

class AdapterPlanner {
 public:
  AdapterPlanner(const AdapterFile& file, const ModelConfig& base)
      : file_(file), model_(base), modules_(base), rules_(file.config()) {
    plan_.config = base.raw;
  }

  AdapterPlan plan(LiveProducts live) {
    for (const auto& [module, tensors] : tensors_by_module(file_)) {
      if (modules_.is_vocabulary(module)) {
        vocabulary_[module] = tensors;
      } else if (const auto* experts = modules_.experts(module)) {
        add_experts(module, *experts, tensors);
      } else {
        add_layer(module, tensors);
      }
    }
    check_all_targets();
    add_vocabulary();
    if (live == LiveProducts::linear_layers) keep_live();
    for (const auto& [name, product] : products_) edit(name).products.push_back(product);
    add_missing_biases();
    return std::move(plan_);
  }

 private:
  [[noreturn]] void refuse(const std::string& name, const std::string& why) const {
    throw FileError(file_.path(), "adapter_mismatch",
                    fmt::format("\"{}\" {}", printable(name, 200), why));
  }

  TensorEdit& edit(const std::string& name) {
    const auto [found, is_new] = plan_.edits.try_emplace(name);
    if (is_new) found->second.base = name;
    return found->second;
  }

  void check_shape(const std::string& name, const std::vector<int64_t>& shape) const {
    const auto& info = file_.tensors().info(name);
    if (info.shape == shape) return;
    refuse(name, fmt::format("is {}, the base and {} make it {}", shape_text(info.shape),
                             "adapter_config.json", shape_text(shape)));
  }

  /// @param key  by which the config's patterns find it.
  LowRankProduct product_of(const LoraSides& sides, const std::string& key) const {
    if (sides.a.empty())
      refuse(sides.b.empty() ? sides.b_bias : sides.b, "has no lora_A beside it");
    if (sides.b.empty()) refuse(sides.a, "has no lora_B beside it");
    LowRankProduct product;
    product.a = sides.a;
    product.b = sides.b;
    product.rank = rules_.rank(key);
    product.scale = rules_.scale(key);
    return product;
  }

  void add_layer(const std::string& module, const ModuleTensors& tensors) {
    const TensorSpec* weight = modules_.find(module + ".weight");
    for (const auto& [depth, sides] : tensors.products) {
      const std::string& name = sides.a.empty() ? sides.b : sides.a;
      if (weight == nullptr || weight->shape.size() != 2)
        refuse(name, "is of no layer of the base");
      const std::string parameter = module + ".weight";
      const bool is_parameter = rules_.targets_parameter(parameter);
      if (depth != 0 || (!is_parameter && !rules_.targets(module, false))) {
        refuse(name, "is of a layer that target_modules does not name");
      }
      const std::string& key = is_parameter ? parameter : module;
      const LowRankProduct product = product_of(sides, key);
      check_shape(product.a, {product.rank, weight->shape[1]});
      check_shape(product.b, {weight->shape[0], product.rank});
      products_.emplace(weight->name, product);
      if (!sides.b_bias.empty()) add_bias(*weight, sides.b_bias, product.scale);
    }
    if (!tensors.embedding.a.empty()) refuse(tensors.embedding.a, "is of no embedding of the base");
    if (!tensors.token_rows.empty()) refuse(tensors.token_rows, "is of no embedding of the base");
    const bool is_wrapped = !tensors.products.empty();
    for (const auto& [parameter, name] : tensors.values) {
      if (is_wrapped) refuse(name, "stands beside an adapter of its layer and would not be read");
      replace(module, parameter, name);
    }
    for (const auto& [parameter, name] : tensors.base_values) {
      if (!is_wrapped) refuse(name, "is below an adapter that is not there");
      replace(module, parameter, name);
    }
  }

  void replace(const std::string& module, const std::string& parameter, const std::string& name) {
    // A router's bias for choosing is a tensor of its own, named without an ending.
    const TensorSpec* spec = modules_.find(module + "." + parameter);
    if (spec == nullptr) refuse(name, "is no tensor of the base");
    check_shape(name, spec->shape);
    edit(spec->name).replacement = name;
  }

  void add_bias(const TensorSpec& weight, const std::string& name, float scale) {
    check_shape(name, {weight.shape[0]});
    const std::string bias = weight.name.substr(0, weight.name.rfind('.')) + ".bias";
    if (modules_.find(bias) == nullptr) {
      const char* flag = modules_.bias_flag(weight.role);
      if (flag == nullptr) {
        refuse(name, fmt::format("is a bias of a layer that has none in {}, so that no checkpoint "
                                 "of that family can hold it",
                                 model_.model_type));
      }
      plan_.config[flag] = true;
      plan_.edits[bias];  // of zeros
    }
    TensorEdit& edit = this->edit(bias);
    edit.bias = name;
    edit.bias_scale = scale;
  }

  /// Experts as transformers 5 keeps them: parameters [E, out, in], gate and up as one.
  void add_experts(const std::string& module, const ExpertStack& experts,
                   const ModuleTensors& tensors) {
    std::vector<const ExpertParameter*> adapted;  // the innermost wrapper first
    for (const ExpertParameter& parameter : experts.parameters) {
      if (rules_.targets_parameter(module + "." + parameter.name)) adapted.push_back(&parameter);
    }
    for (const auto& [depth, sides] : tensors.products) {
      const std::string& name = sides.a.empty() ? sides.b : sides.a;
      if (depth >= std::ssize(adapted)) {
        refuse(name, "is of experts that target_parameters does not name");
      }
      const ExpertParameter& parameter = *adapted[adapted.size() - 1 - static_cast<size_t>(depth)];
      LowRankProduct product = product_of(sides, module + "." + parameter.name);
      if (!sides.b_bias.empty()) refuse(sides.b_bias, "is a bias of experts, which have none");
      product.form = LowRankProduct::Form::expert;
      check_shape(product.a, {product.rank * experts.count, parameter.in});
      check_shape(product.b, {parameter.out, product.rank * experts.count});
      for (const ExpertPart& part : parameter.parts) {
        product.expert = part.expert;
        product.first_row = part.first_row;
        edit(part.tensor).products.push_back(product);
      }
    }
    auto values = tensors.values;
    values.insert(tensors.base_values.begin(), tensors.base_values.end());
    for (const auto& [parameter, name] : values) replace_experts(experts, parameter, name);
    if (!tensors.embedding.a.empty() || !tensors.token_rows.empty()) {
      refuse(module, "are experts, not an embedding");
    }
  }

  void replace_experts(const ExpertStack& experts, const std::string& parameter,
                       const std::string& name) {
    const auto found = std::ranges::find(experts.parameters, parameter, &ExpertParameter::name);
    if (found == experts.parameters.end()) refuse(name, "is no tensor of the base");
    check_shape(name, {experts.count, found->out, found->in});
    for (const ExpertPart& part : found->parts) {
      TensorEdit& edit = this->edit(part.tensor);
      edit.replacement = name;
      edit.first = (part.expert * found->out + part.first_row) * found->in;
    }
  }

  /// Where the config names a layer that the file has nothing of, part of the file is lost. Experts
  /// are no layers of their own in transformers 5.
  void check_all_targets() const {
    for (const TensorSpec& spec : modules_.tensors()) {
      if (spec.shape.size() != 2 || spec.layer < 0 || spec.expert >= 0) continue;
      if (spec.role == TensorRole::router || products_.count(spec.name) > 0) continue;
      const std::string module = spec.name.substr(0, spec.name.rfind('.'));
      if (!rules_.targets(module, false)) continue;
      refuse(module, "is named by target_modules, but there is no lora_A of it");
    }
    for (const TensorSpec& spec : modules_.tensors()) {
      if (spec.layer < 0 && spec.role != TensorRole::final_norm) continue;
      if (!rules_.saves(spec.name.substr(0, spec.name.rfind('.')))) continue;
      const auto found = plan_.edits.find(spec.name);
      if (found != plan_.edits.end() && !found->second.replacement.empty()) continue;
      refuse(spec.name, "is in modules_to_save, but the file has no tensor of it");
    }
  }

  void add_vocabulary() {
    VocabularyPlan vocabulary(file_, model_, rules_);
    for (const auto& [module, tensors] : vocabulary_) vocabulary.add(module, tensors);
    vocabulary.finish(plan_);
  }

  /// One product for all experts is one kernel: all of them have adapters of one shape, or none.
  bool is_even(const TensorSpec& spec) const {
    if (spec.expert < 0) return true;
    const LowRankProduct& own = products_.at(spec.name);
    return std::ranges::all_of(modules_.tensors(), [&](const TensorSpec& other) {
      if (other.layer != spec.layer || other.role != spec.role) return true;
      const auto found = products_.find(other.name);
      return found != products_.end() && found->second.rank == own.rank &&
             found->second.scale == own.scale;
    });
  }

  void keep_live() {
    std::map<std::string, LowRankProduct> folded;
    for (const auto& [name, product] : products_) {
      const TensorSpec& spec = *modules_.find(name);
      const bool is_live = is_adaptable(spec.role) && is_even(spec);
      (is_live ? plan_.live : folded).emplace(name, product);
    }
    products_ = std::move(folded);
    // The head's product is an edit of the vocabulary's plan until here.
    const std::string head = tensor_name(model_, TensorRole::head);
    const auto found = plan_.edits.find(head);
    if (found == plan_.edits.end()) return;
    auto& products = found->second.products;
    if (products.size() != 1 || products.front().form != LowRankProduct::Form::matrix) return;
    plan_.live.emplace(head, products.front());
    products.clear();
    if (found->second.changes_nothing(head)) plan_.edits.erase(found);
  }

  /// A flag that gives one layer a bias gives others one, of zeros, as well.
  void add_missing_biases() {
    if (plan_.config == model_.raw) return;
    for (const TensorSpec& spec :
         expected_tensors(parse_model_config(plan_.config, file_.path()))) {
      if (spec.layer >= model_.num_layers) continue;  // no family with such a flag predicts
      if (spec.is_bias && modules_.find(spec.name) == nullptr) plan_.edits[spec.name];
    }
  }

  const AdapterFile& file_;
  const ModelConfig& model_;
  BaseModules modules_;
  AdapterRules rules_;
  AdapterPlan plan_;
  std::map<std::string, LowRankProduct> products_;  // of layers, by the base's tensor
  std::map<std::string, ModuleTensors> vocabulary_;
};

}  // namespace

bool TensorEdit::changes_nothing(const std::string& name) const {
  TensorEdit nothing;
  nothing.base = name;
  return *this == nothing;
}

AdapterPlan plan_adapter(const AdapterFile& file, const ModelConfig& base, LiveProducts live) {
  return AdapterPlanner(file, base).plan(live);
}

AdapterPlan plan_untied_head(const ModelConfig& base) {
  AdapterPlan plan;
  plan.config = base.raw;
  if (!base.tie_word_embeddings) return plan;
  plan.config["tie_word_embeddings"] = false;
  plan.edits[tensor_name(base, TensorRole::head)].base = tensor_name(base, TensorRole::embedding);
  return plan;
}

}  // namespace gradus::policy
