// Names, defaults and meanings as in PEFT 0.21, tuners/lora/config.py.
#include "policy/weights/peft/adapter_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/contained_file.h"
#include "base/json.h"
#include "base/printable.h"
#include "policy/formats/config_fields.h"

namespace gradus::policy {
namespace {

constexpr int64_t kMaxConfigBytes = 1 << 20;
constexpr int64_t kMaxRank = 65536;
constexpr double kMaxAlpha = 1e9;

/// What is read below.
constexpr std::array kReadKeys{"peft_type",          "r",
                               "lora_alpha",         "use_rslora",
                               "rank_pattern",       "alpha_pattern",
                               "target_modules",     "exclude_modules",
                               "target_parameters",  "layers_to_transform",
                               "layers_pattern",     "modules_to_save",
                               "init_lora_weights",  "trainable_token_indices",
                               "ensure_weight_tying"};

/// What changes nothing in a trained adapter: notes, training, starting values. fan_in_fan_out is
/// of layers that store their weight transposed, which these models have not; PEFT unsets it, too.
/// The biases that bias and lora_bias speak of stand in the file.
constexpr std::array kHarmlessKeys{"auto_mapping",   "base_model_name_or_path",
                                   "bias",           "corda_config",
                                   "eva_config",     "fan_in_fan_out",
                                   "inference_mode", "loftq_config",
                                   "lora_bias",      "lora_dropout",
                                   "lora_ga_config", "megatron_core",
                                   "peft_version",   "qalora_group_size",
                                   "revision",       "runtime_config",
                                   "task_type"};

/// Other methods than LoRA alone, and why each is not read.
constexpr std::array<std::pair<const char*, const char*>, 10> kRefusedKeys{{
    {"use_dora", "DoRA also scales the rows of the merged weight"},
    {"layer_replication", "the base's layers would have to be repeated"},
    {"use_qalora", "QALoRA pools the inputs"},
    {"alora_invocation_tokens", "activated LoRA is on for a part of the text only"},
    {"arrow_config", "Arrow chooses among several adapters"},
    {"kasa_config", "KaSA truncates the base's weights"},
    {"monteclora_config", "MonteCLoRA samples its weights"},
    {"use_bdlora", "BD-LoRA's sides are block-diagonal"},
    {"velora_config", "VeLoRA is another layer"},
    {"megatron_config", "Megatron's layers are not these"},
}};

/// Starting values that leave the base's weights as they are.
constexpr std::array<std::string_view, 4> kInnocentStarts{"gaussian", "eva", "orthogonal", "mica"};

/// As Python takes a value for a condition.
bool is_set(const nlohmann::json& value) {
  if (value.is_null() || value == false || value == 0 || value == "") return false;
  return !((value.is_object() || value.is_array()) && value.empty());
}

template <class List>
bool contains(const List& list, std::string_view key) {
  return std::ranges::any_of(list, [&](std::string_view known) { return known == key; });
}

void check_keys(const ConfigFields& fields, const nlohmann::json& config) {
  for (const auto& [key, value] : config.items()) {
    if (contains(kReadKeys, key) || contains(kHarmlessKeys, key) || !is_set(value)) continue;
    const auto refused = std::ranges::find_if(
        kRefusedKeys, [&](const auto& entry) { return key == std::string_view(entry.first); });
    if (refused != kRefusedKeys.end()) {
      fields.fail(key,
                  fmt::format("is set, which is not supported: {}. Merge the adapter with PEFT "
                              "and load the merged checkpoint",
                              refused->second));
    }
    fields.fail(
        printable(key, 100),
        "is not known here and may change what the adapter computes. Merge the adapter with "
        "PEFT and load the merged checkpoint");
  }
}

void check_start(const ConfigFields& fields) {
  const nlohmann::json* start = fields.value("init_lora_weights");
  if (start == nullptr || start->is_boolean()) return;
  const std::string name = fields.text_or("init_lora_weights", "");
  if (contains(kInnocentStarts, name)) return;
  fields.fail("init_lora_weights",
              fmt::format("is \"{}\", which changes the base's weights before training. Save the "
                          "adapter as plain LoRA with PEFT (path_initial_model_for_weight_"
                          "conversion), or merge it with PEFT",
                          printable(name, 100)));
}

std::vector<std::string> texts(const ConfigFields& fields, const char* key) {
  const nlohmann::json* value = fields.value(key);
  if (value == nullptr) return {};
  std::vector<std::string> result;
  if (value->is_array()) {
    for (const auto& item : *value) {
      if (!item.is_string()) fields.fail(key, "must be a list of names");
      result.push_back(item.get<std::string>());
    }
    return result;
  }
  fields.fail(key, "must be a list of names");
}

ModuleNames module_names(const ConfigFields& fields, const char* key) {
  ModuleNames result;
  const nlohmann::json* value = fields.value(key);
  if (value != nullptr && value->is_string()) {
    if (!value->get_ref<const std::string&>().empty()) result.regex = value->get<std::string>();
  } else {
    result.names = texts(fields, key);
  }
  return result;
}

int64_t whole_of(const ConfigFields& fields, const char* key, const nlohmann::json& value) {
  const nlohmann::json one{{key, value}};
  return ConfigFields(one, fields.where()).whole(key, 0, kMaxWidth);
}

std::vector<int64_t> wholes(const ConfigFields& fields, const char* key,
                            const nlohmann::json& list) {
  if (!list.is_array()) fields.fail(key, "must be a list of whole numbers");
  std::vector<int64_t> result;
  for (const auto& item : list) result.push_back(whole_of(fields, key, item));
  return result;
}

/// @param ordered  the object in the file's order.
std::vector<NumberPattern> patterns(const ConfigFields& fields, const char* key,
                                    const nlohmann::ordered_json& document, double low,
                                    double high) {
  if (!fields.has(key)) return {};
  const auto& object = document.at(key);
  if (!object.is_object()) fields.fail(key, "must be an object from patterns to numbers");
  const ConfigFields numbers = fields.object(key);
  std::vector<NumberPattern> result;
  for (const auto& [pattern, value] : object.items()) {
    result.emplace_back(pattern, numbers.real(pattern, low, high));
  }
  return result;
}

void read_layers(const ConfigFields& fields, AdapterConfig& config) {
  if (const auto* layers = fields.value("layers_to_transform")) {
    config.layers = layers->is_array()
                        ? wholes(fields, "layers_to_transform", *layers)
                        : std::vector{whole_of(fields, "layers_to_transform", *layers)};
  }
  const ModuleNames names = module_names(fields, "layers_pattern");
  config.layer_patterns = names.names;
  if (names.regex) config.layer_patterns.push_back(*names.regex);
}

void read_token_rows(const ConfigFields& fields, AdapterConfig& config) {
  constexpr const char* kKey = "trainable_token_indices";
  const auto* value = fields.value(kKey);
  if (value == nullptr) return;
  if (value->is_array()) {
    if (!value->empty()) config.token_rows.push_back({"", wholes(fields, kKey, *value)});
    return;
  }
  if (!value->is_object()) fields.fail(kKey, "must be a list, or an object of lists");
  for (const auto& [module, rows] : value->items()) {
    config.token_rows.push_back({module, wholes(fields, kKey, rows)});
  }
}

}  // namespace

AdapterConfig read_adapter_config(const std::filesystem::path& file) {
  check_stays_inside(file);
  AdapterConfig config;
  config.path = file.string();
  const std::string text = read_file(file, kMaxConfigBytes);
  config.raw = parse_json(text, config.path);
  const auto ordered = nlohmann::ordered_json::parse(text);
  const ConfigFields fields(config.raw, config.path);
  if (const auto type = fields.text_or("peft_type", ""); type != "LORA") {
    fields.fail("peft_type",
                fmt::format("is \"{}\"; only LORA adapters can be read", printable(type, 100)));
  }
  check_keys(fields, config.raw);
  check_start(fields);
  config.rank = fields.whole_or("r", config.rank, 1, kMaxRank);
  config.alpha = fields.real_or("lora_alpha", config.alpha, -kMaxAlpha, kMaxAlpha);
  config.scales_by_root = fields.flag_or("use_rslora", false);
  config.rank_patterns = patterns(fields, "rank_pattern", ordered, 1.0, kMaxRank);
  config.alpha_patterns = patterns(fields, "alpha_pattern", ordered, -kMaxAlpha, kMaxAlpha);
  config.targets = module_names(fields, "target_modules");
  if (config.targets.regex == "all-linear") {
    config.targets = {};
    config.targets_all_linear = true;
  }
  config.excluded = module_names(fields, "exclude_modules");
  config.parameters = texts(fields, "target_parameters");
  config.saved = texts(fields, "modules_to_save");
  config.ensures_tying = fields.flag_or("ensure_weight_tying", false);
  read_layers(fields, config);
  read_token_rows(fields, config);
  return config;
}

nlohmann::json adapter_config_json(const LoraConfig& config, const std::string& base_path) {
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base_path},
          {"r", config.rank},
          {"lora_alpha", config.alpha},
          {"lora_dropout", 0.0},
          {"target_modules", config.targets},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"use_dora", false},
          {"use_rslora", false}};
}

}  // namespace gradus::policy
