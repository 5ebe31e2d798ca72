#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/printable.h"
#include "policy/formats/config_fields.h"
#include "policy/formats/families/family.h"
#include "policy/formats/hf/score_head_name.h"

namespace gradus::policy {

#define GRADUS_RECORD(name) extern const Family name;
#include "policy/formats/families/records.inc"
#undef GRADUS_RECORD

namespace {

const std::array kFamilies{
#define GRADUS_RECORD(name) &name,
#include "policy/formats/families/records.inc"
#undef GRADUS_RECORD
};

[[noreturn]] void refuse(const std::string& where, const std::string& what, std::string_view name) {
  std::string known;
  for (const Family* family : kFamilies) {
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", family->model_type,
                         family->architecture);
  }
  throw FileError(where, "unsupported_architecture",
                  fmt::format("{} \"{}\" is not supported; supported are {}", what,
                              printable(name, 100), known));
}

/// Whether "XForSequenceClassification" stands for "XForCausalLM", and has one label (transformers
/// takes two where nothing is said).
bool is_reward_model(const nlohmann::json& config, std::string_view architecture,
                     std::string_view causal) {
  if (!architecture.ends_with(kClassifierSuffix) || !causal.ends_with(kCausalSuffix)) return false;
  architecture.remove_suffix(kClassifierSuffix.size());
  causal.remove_suffix(kCausalSuffix.size());
  const auto labels = config.find("id2label");
  const bool has_one = (labels != config.end() && labels->size() == 1) ||
                       config.value("num_labels", nlohmann::json()) == 1;
  return architecture == causal && has_one;
}

}  // namespace

std::span<const Family* const> families() {
  return kFamilies;
}

const Family& family_of_config(const nlohmann::json& config, const std::string& where) {
  const ConfigFields fields(config, where);
  std::string architecture;
  if (const auto* list = fields.value("architectures"); list != nullptr && !list->empty()) {
    if (!list->is_array() || !list->front().is_string()) {
      fields.fail("architectures", "must be a list of names");
    }
    architecture = list->front().get<std::string>();
  }
  const std::string model_type = fields.text_or("model_type", "");
  if (model_type.empty() && architecture.empty()) fields.fail("model_type", "is missing");
  const auto found = std::ranges::find_if(kFamilies, [&](const Family* family) {
    return model_type.empty() ? family->architecture == architecture
                              : family->model_type == model_type;
  });
  if (found == kFamilies.end()) {
    if (model_type.empty()) refuse(where, "the architecture", architecture);
    refuse(where, "the model type", model_type);
  }
  // A classifier of a known family has other weights; with one label it is a reward model.
  if (!architecture.empty() && architecture != (*found)->architecture &&
      !is_reward_model(config, architecture, (*found)->architecture)) {
    refuse(where, fmt::format("of the model type \"{}\" the architecture", (*found)->model_type),
           architecture);
  }
  return **found;
}

const Family& family_of_gguf(std::string_view arch, const std::string& where) {
  for (const Family* family : kFamilies) {
    if (family->gguf_arch == arch && !arch.empty()) return *family;
  }
  refuse(where, "the GGUF architecture", arch);
}

const Family& family_of(const ModelConfig& config) {
  for (const Family* family : kFamilies) {
    if (family->model_type == config.model_type) return *family;
  }
  throw ArgumentError("no model family is called \"" + config.model_type + "\"");
}

}  // namespace gradus::policy
