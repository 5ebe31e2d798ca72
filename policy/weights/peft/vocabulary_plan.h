#pragma once

#include <string>

#include "policy/weights/peft/adapter_plan.h"
#include "policy/weights/peft/adapter_rules.h"
#include "policy/weights/peft/module_tensors.h"

namespace gradus::policy {

/// What an adapter makes of embedding and head: two tensors that a base may tie, that may have more
/// rows in the adapter than in the base, and that have ways of being adapted of their own.
class VocabularyPlan {
 public:
  /// What is given must outlive the plan.
  VocabularyPlan(const AdapterFile& file, const ModelConfig& model, const AdapterRules& rules);

  /// @param module  the embedding's or the head's.
  void add(const std::string& module, const ModuleTensors& tensors);

  /// Adds the edits of both and what they change in the config. A head that stays what its
  /// embedding is stays tied.
  /// @throws gradus::FileError  adapter_mismatch, by the tensor's name.
  void finish(AdapterPlan& plan);

 private:
  struct Side {
    std::string module;
    std::string tensor;
    bool is_head = false;
    ModuleTensors tensors;
    TensorEdit edit;
  };

  [[noreturn]] void refuse(const std::string& name, const std::string& why) const;
  /// ensure_weight_tying over a tied base: the head is adapted as the embedding is.
  bool shares_edits() const;
  void set_base(Side& side);
  void share_base();
  void set_saved(Side& side);
  void set_products(Side& side);
  void set_rows(Side& side);
  void share_what_is_tied();
  void check_shapes(const Side& side, int64_t rows) const;
  int64_t rows_of(const Side& side) const;
  bool are_equal(const std::string& left, const std::string& right) const;

  const AdapterFile& file_;
  const ModelConfig& model_;
  const AdapterRules& rules_;
  Side embedding_;
  Side head_;
};

}  // namespace gradus::policy
