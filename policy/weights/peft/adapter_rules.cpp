// Follows PEFT 0.21: tuners_utils.check_target_module_exists, BaseTuner._inject_parameters,
// other.get_pattern_key and other._set_trainable.
#include "policy/weights/peft/adapter_rules.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"

namespace gradus::policy {
namespace {

bool ends_with_part(std::string_view path, std::string_view name) {
  return path.size() > name.size() && path.ends_with(name) &&
         path[path.size() - name.size() - 1] == '.';
}

bool is_named(const std::vector<std::string>& names, std::string_view path) {
  return std::ranges::any_of(
      names, [&](const std::string& name) { return path == name || ends_with_part(path, name); });
}

bool matches(const std::vector<Regex>& regexes, std::string_view text) {
  return std::ranges::any_of(regexes,
                             [&](const Regex& regex) { return !regex.find_all(text).empty(); });
}

/// The number that begins the text, if a dot follows it.
std::optional<int64_t> leading_number(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_followed = end != text.data() + text.size() && *end == '.';
  return error == std::errc{} && is_followed ? std::optional(number) : std::nullopt;
}

}  // namespace

AdapterRules::AdapterRules(const AdapterConfig& config) : config_(config) {
  const auto whole = [](const std::string& pattern) { return "^(?:" + pattern + ")$"; };
  if (config.targets.regex) {
    targets_.push_back(compile("target_modules", whole(*config.targets.regex)));
  }
  if (config.excluded.regex) {
    excluded_.push_back(compile("exclude_modules", whole(*config.excluded.regex)));
  }
  for (const std::string& name : config.saved) {
    saved_.push_back(compile("modules_to_save", "^(?:|.*\\.)" + name + "(?:$|\\.)"));
  }
  for (const std::string& pattern : config.layer_patterns) {
    layers_.push_back(compile("layers_pattern", "^(?:.*?\\.)?" + pattern + "\\.(?=\\d+\\.)"));
  }
  ranks_ = compile("rank_pattern", config.rank_patterns);
  alphas_ = compile("alpha_pattern", config.alpha_patterns);
}

Regex AdapterRules::compile(const char* key, const std::string& pattern) const {
  try {
    return Regex(pattern);
  } catch (const Error& error) {
    throw FileError(config_.path, "bad_config",
                    std::string(key) + ": is no regular expression: " + error.what());
  }
}

std::vector<AdapterRules::Pattern> AdapterRules::compile(
    const char* key, const std::vector<NumberPattern>& patterns) const {
  std::vector<Pattern> result;
  for (const auto& [pattern, value] : patterns) {
    result.push_back({compile(key, "^(?:.*\\.)?(?:" + pattern + ")$"), value});
  }
  return result;
}

bool AdapterRules::is_excluded(const std::string& module) const {
  return is_named(config_.excluded.names, module) || matches(excluded_, module) ||
         matches(saved_, module);
}

bool AdapterRules::is_in_layers(const std::string& module) const {
  if (config_.layers.empty()) return true;
  std::optional<int64_t> layer;
  if (layers_.empty()) {
    // The first number between two dots that at least two parts stand before.
    size_t dot = module.find('.');
    while (!layer && dot != std::string::npos) {
      dot = module.find('.', dot + 1);
      if (dot != std::string::npos)
        layer = leading_number(std::string_view(module).substr(dot + 1));
    }
  }
  for (const Regex& regex : layers_) {
    const auto found = regex.find_all(module);
    if (found.empty()) continue;
    layer = leading_number(std::string_view(module).substr(found.front().end));
    break;
  }
  return layer && std::ranges::find(config_.layers, *layer) != config_.layers.end();
}

bool AdapterRules::targets(const std::string& module, bool is_head) const {
  if (is_excluded(module)) return false;
  if (config_.targets_all_linear) return !is_head && is_in_layers(module);
  if (!targets_.empty()) return matches(targets_, module);
  const auto& names = config_.targets.names;
  if (std::ranges::find(names, module) != names.end()) return true;
  return is_named(names, module) && is_in_layers(module);
}

bool AdapterRules::targets_parameter(const std::string& parameter) const {
  return is_named(config_.parameters, parameter);
}

bool AdapterRules::saves(const std::string& module) const {
  // Of each module on the way the name may end in one of the list's, at any letter.
  for (size_t end = module.find('.');; end = module.find('.', end + 1)) {
    const std::string_view part = std::string_view(module).substr(0, end);
    const bool is_saved = std::ranges::any_of(
        config_.saved, [&](const std::string& name) { return part.ends_with(name); });
    if (is_saved) return true;
    if (end == std::string::npos) return false;
  }
}

int64_t AdapterRules::rank(const std::string& key) const {
  for (const Pattern& pattern : ranks_) {
    if (!pattern.regex.find_all(key).empty()) return static_cast<int64_t>(pattern.value);
  }
  return config_.rank;
}

float AdapterRules::scale(const std::string& key) const {
  double alpha = config_.alpha;
  for (const Pattern& pattern : alphas_) {
    if (pattern.regex.find_all(key).empty()) continue;
    alpha = pattern.value;
    break;
  }
  const auto r = static_cast<double>(rank(key));
  return static_cast<float>(alpha / (config_.scales_by_root ? std::sqrt(r) : r));
}

}  // namespace gradus::policy
