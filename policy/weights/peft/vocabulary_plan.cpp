#include "policy/weights/peft/vocabulary_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "policy/formats/tensor_names.h"

namespace gradus::policy {
namespace {

constexpr const char* kWeight = "weight";

std::string module_of(const std::string& tensor) {
  return tensor.substr(0, tensor.rfind('.'));
}

const std::string* found_in(const std::map<std::string, std::string>& values) {
  const auto found = values.find(kWeight);
  return found == values.end() ? nullptr : &found->second;
}

}  // namespace

VocabularyPlan::VocabularyPlan(const AdapterFile& file, const ModelConfig& model,
                               const AdapterRules& rules)
    : file_(file), model_(model), rules_(rules) {
  embedding_.tensor = tensor_name(model, TensorRole::embedding);
  head_.tensor = tensor_name(model, TensorRole::head);
  head_.is_head = true;
  for (Side* side : {&embedding_, &head_}) side->module = module_of(side->tensor);
  embedding_.edit.base = embedding_.tensor;
  head_.edit.base = model.tie_word_embeddings ? embedding_.tensor : head_.tensor;
}

void VocabularyPlan::refuse(const std::string& name, const std::string& why) const {
  throw FileError(file_.path(), "adapter_mismatch",
                  fmt::format("\"{}\" {}", printable(name, 200), why));
}

void VocabularyPlan::add(const std::string& module, const ModuleTensors& tensors) {
  for (const auto* values : {&tensors.values, &tensors.base_values}) {
    for (const auto& [parameter, name] : *values) {
      if (parameter != kWeight) refuse(name, "is no tensor of the base");
    }
  }
  (module == head_.module ? head_ : embedding_).tensors = tensors;
}

bool VocabularyPlan::shares_edits() const {
  return model_.tie_word_embeddings && file_.config().ensures_tying;
}

bool VocabularyPlan::are_equal(const std::string& left, const std::string& right) const {
  const auto values = [&](const std::string& name) {
    std::vector<float> result(file_.tensors().info(name).num_elements);
    file_.tensors().read_f32(name, result);
    return result;
  };
  return file_.tensors().info(left).shape == file_.tensors().info(right).shape &&
         values(left) == values(right);
}

/// The base's own weight as it was when the adapter was saved: PEFT saves it where the vocabulary
/// was resized or an embedding is adapted, and reads it back into the base.
void VocabularyPlan::set_base(Side& side) {
  const ModuleTensors& tensors = side.tensors;
  const bool is_wrapped =
      !tensors.products.empty() || !tensors.embedding.a.empty() || !tensors.token_rows.empty();
  const std::string* value = found_in(tensors.values);
  const std::string* below = found_in(tensors.base_values);
  if (value != nullptr && is_wrapped) {
    refuse(*value, "stands beside an adapter of its layer and would not be read");
  }
  if (below != nullptr && !is_wrapped) refuse(*below, "is below an adapter that is not there");
  if (below != nullptr) side.edit.replacement = *below;
  if (value != nullptr && !rules_.saves(side.module)) side.edit.replacement = *value;
}

void VocabularyPlan::share_base() {
  if (!model_.tie_word_embeddings) return;
  std::string& one = embedding_.edit.replacement;
  std::string& other = head_.edit.replacement;
  if (!one.empty() && !other.empty() && !are_equal(one, other)) {
    refuse(other, fmt::format("differs from \"{}\", and the base ties the two", one));
  }
  if (one.empty()) one = other;
  other = one;
}

void VocabularyPlan::set_saved(Side& side) {
  if (!rules_.saves(side.module)) return;
  const std::string* value = found_in(side.tensors.values);
  if (value != nullptr) {
    side.edit.replacement = *value;
  } else if (!shares_edits() || !side.is_head) {
    refuse(side.module, "is in modules_to_save, but the file has no tensor of it");
  }
}

void VocabularyPlan::set_products(Side& side) {
  // The embedding's product once more, turned round.
  if (side.is_head && shares_edits()) return;
  const bool is_parameter = rules_.targets_parameter(side.tensor);
  const auto product_of = [&](const LoraSides& sides, LowRankProduct::Form form) {
    const std::string& name = sides.a.empty() ? sides.b : sides.a;
    if (sides.a.empty() || sides.b.empty()) refuse(name, "has no other side of its product");
    if (!is_parameter && !rules_.targets(side.module, side.is_head)) {
      refuse(name, "is of a layer that target_modules does not name");
    }
    if (!sides.b_bias.empty()) {
      refuse(sides.b_bias, "is a bias of the head, which no checkpoint of the family can hold");
    }
    const std::string& key = is_parameter ? side.tensor : side.module;
    LowRankProduct product;
    product.form = form;
    product.a = sides.a;
    product.b = sides.b;
    product.rank = rules_.rank(key);
    product.scale = rules_.scale(key);
    side.edit.products.push_back(product);
  };
  for (const auto& [depth, sides] : side.tensors.products) {
    const bool fits = depth == 0 && (side.is_head || is_parameter);
    if (!fits) refuse(sides.a, "is of no linear layer of the base");
    product_of(sides, LowRankProduct::Form::matrix);
  }
  const LoraSides& turned = side.tensors.embedding;
  if (turned.a.empty() && turned.b.empty()) return;
  if (side.is_head) refuse(turned.a, "is of the head, which is no embedding");
  product_of(turned, LowRankProduct::Form::embedding);
}

void VocabularyPlan::set_rows(Side& side) {
  const auto& all = file_.config().token_rows;
  const auto entry = std::ranges::find_if(all, [&](const TokenRows& rows) {
    return rows.module.empty() ? !side.is_head : side.module.ends_with(rows.module);
  });
  const std::string& name = side.tensors.token_rows;
  if (entry == all.end()) {
    if (!name.empty()) refuse(name, "is of a layer that trainable_token_indices does not name");
    return;
  }
  if (name.empty()) {
    // A tied head's rows are those of the embedding, and saved with it.
    if (side.is_head && model_.tie_word_embeddings) return;
    refuse(side.module, "is in trainable_token_indices, but the file has no rows of it");
  }
  if (!side.edit.products.empty())
    refuse(name, "is of a layer that has a low-rank product as well");
  side.edit.rows = name;
  side.edit.row_numbers = entry->rows;
}

void VocabularyPlan::share_what_is_tied() {
  if (!model_.tie_word_embeddings) return;
  TensorEdit& head = head_.edit;
  const TensorEdit& embedding = embedding_.edit;
  if (shares_edits()) {
    head = embedding;
    return;
  }
  if (head.rows.empty() && !embedding.rows.empty()) {
    head.rows = embedding.rows;
    head.row_numbers = embedding.row_numbers;
  }
}

int64_t VocabularyPlan::rows_of(const Side& side) const {
  const std::string& name = side.edit.replacement;
  if (name.empty()) return model_.vocab_size;
  const auto& shape = file_.tensors().info(name).shape;
  return shape.empty() ? 0 : shape.front();
}

void VocabularyPlan::check_shapes(const Side& side, int64_t rows) const {
  const auto check = [&](const std::string& name, const std::vector<int64_t>& shape) {
    const auto& info = file_.tensors().info(name);
    if (info.shape == shape) return;
    refuse(name, fmt::format("is {}, the base and adapter_config.json make it {}",
                             shape_text(info.shape), shape_text(shape)));
  };
  const TensorEdit& edit = side.edit;
  const int64_t width = model_.hidden_size;
  if (!edit.replacement.empty()) check(edit.replacement, {rows, width});
  for (const LowRankProduct& product : edit.products) {
    const bool is_turned = product.form == LowRankProduct::Form::embedding;
    check(product.a, {product.rank, is_turned ? rows : width});
    check(product.b, {is_turned ? width : rows, product.rank});
  }
  if (edit.rows.empty()) return;
  check(edit.rows, {std::ssize(edit.row_numbers), width});
  for (const int64_t row : edit.row_numbers) {
    if (row >= rows) refuse(edit.rows, fmt::format("has a row {} of {}", row, rows));
  }
}

void VocabularyPlan::finish(AdapterPlan& plan) {
  for (Side* side : {&embedding_, &head_}) set_base(*side);
  share_base();
  for (Side* side : {&embedding_, &head_}) {
    set_saved(*side);
    set_products(*side);
    set_rows(*side);
  }
  share_what_is_tied();
  const int64_t rows = rows_of(embedding_);
  if (rows_of(head_) != rows) {
    refuse(rows == model_.vocab_size ? head_.module : embedding_.module,
           fmt::format("has another number of rows than the other of embedding ({}) and head ({}); "
                       "save both when the vocabulary is resized (save_embedding_layers)",
                       rows, rows_of(head_)));
  }
  for (const Side* side : {&embedding_, &head_}) check_shapes(*side, rows);
  if (rows != model_.vocab_size) plan.config["vocab_size"] = rows;
  if (!embedding_.edit.changes_nothing(embedding_.tensor)) {
    plan.edits[embedding_.tensor] = embedding_.edit;
  }
  if (model_.tie_word_embeddings && head_.edit == embedding_.edit) return;
  if (model_.tie_word_embeddings) plan.config["tie_word_embeddings"] = false;
  if (!head_.edit.changes_nothing(head_.tensor)) plan.edits[head_.tensor] = head_.edit;
}

}  // namespace gradus::policy
