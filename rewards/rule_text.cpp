#include "rewards/rule_text.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/toml_text.h"
#include "rewards/registry.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;
constexpr auto kNowhere = std::string_view::npos;

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Whether `key=` begins here.
bool begins_key(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && is_key_character(text[end])) ++end;
  return end > 0 && end < text.size() && text[end] == '=';
}

/// Quotes and brackets of TOML, as far as commas within them go.
class Nesting {
 public:
  bool is_open() const { return quote_ != 0 || depth_ > 0; }

  void pass(char c) {
    if (std::exchange(is_escaped_, false)) return;
    if (quote_ != 0) {
      is_escaped_ = c == '\\' && quote_ == '"';
      if (c == quote_) quote_ = 0;
    } else if (c == '"' || c == '\'') {
      quote_ = c;
    } else if (c == '[' || c == '{') {
      ++depth_;
    } else if ((c == ']' || c == '}') && depth_ > 0) {
      --depth_;
    }
  }

 private:
  char quote_ = 0;
  int depth_ = 0;
  bool is_escaped_ = false;
};

// What the rule says of the option; an unknown one is left to the rule to refuse.
bool takes_text(const std::string& type, const std::string& key) {
  if (key == "name") return true;
  for (const auto& rule : list_reward_rules()) {
    if (rule.type != type) continue;
    for (const auto& option : rule.options) {
      if (option.key == key) return option.type.starts_with("text");
    }
  }
  return false;
}

// Quotes and brackets count only where a value begins with one; a pattern like [^"]+ is text.
std::vector<std::string_view> split_pairs(const std::string& type, std::string_view text) {
  std::vector<std::string_view> pairs;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const bool is_end = i == text.size() || (text[i] == ',' && begins_key(text.substr(i + 1)));
    if (!is_end) continue;
    const auto pair = text.substr(begin, i - begin);
    Nesting nesting;
    const size_t equals = pair.find('=');
    const std::string_view value = equals == kNowhere ? "" : pair.substr(equals + 1);
    const bool is_text = takes_text(type, std::string(pair.substr(0, equals)));
    const std::string_view openers = is_text ? "\"'" : "\"'[{";
    const bool is_toml = !value.empty() && openers.find(value[0]) != kNowhere;
    for (const char c : is_toml ? value : "") nesting.pass(c);
    if (nesting.is_open() && i < text.size()) continue;
    pairs.push_back(pair);
    begin = i + 1;
  }
  return pairs;
}

std::optional<json> toml_value_of(std::string_view text) {
  try {
    return parse_toml("value = " + std::string(text), "").values.at("value");
  } catch (const ConfigError&) {
    return std::nullopt;  // text without quotes
  }
}

json value_of(const std::string& type, const std::string& key, std::string_view text) {
  const bool is_quoted = text.starts_with('"') || text.starts_with('\'');
  if (takes_text(type, key) && !is_quoted) return text;
  return toml_value_of(text).value_or(json(text));
}

}  // namespace

RewardConfig parse_rule(std::string_view text) {
  const std::string source = "--rule " + printable(text, 200);
  const size_t colon = text.find(':');
  const std::string type(text.substr(0, colon));
  json values{{"type", type}};
  const auto rest = colon == kNowhere ? std::string_view() : text.substr(colon + 1);
  for (const auto pair : rest.empty() ? std::vector<std::string_view>() : split_pairs(type, rest)) {
    const size_t equals = pair.find('=');
    if (!begins_key(pair)) {
      throw ConfigError(source + ": \"" + printable(pair, 100) + "\" must be key=value");
    }
    const std::string key(pair.substr(0, equals));
    if (values.contains(key)) throw ConfigError(source + ": " + key + ": is given twice");
    values[key] = value_of(type, key, pair.substr(equals + 1));
  }
  RewardConfig config;
  read_settings_json(config, values, source);
  check_settings(config, source);
  config.where = source;
  return config;
}

}  // namespace gradus::rewards
