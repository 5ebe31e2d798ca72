#include "rewards/instructions/arguments.h"

#include <cmath>

#include "base/error.h"
#include "base/printable.h"

namespace gradus::rewards {

using nlohmann::json;

InstructionArguments::InstructionArguments(const json& kwargs) : kwargs_(kwargs) {
  if (!kwargs.is_object() && !kwargs.is_null()) throw ArgumentError("kwargs: must be an object");
}

const json& InstructionArguments::at(const char* key) const {
  if (!kwargs_.is_object() || !kwargs_.contains(key) || kwargs_[key].is_null()) {
    throw ArgumentError(std::string(key) + ": must be given");
  }
  return kwargs_[key];
}

int64_t InstructionArguments::count(const char* key) const {
  const json& value = at(key);
  constexpr double kMost = 1e9;
  const double number = value.is_number() ? value.get<double>() : -1.0;
  if (number < 0.0 || number > kMost || std::floor(number) != number) {
    throw ArgumentError(std::string(key) + ": must be a whole number, at least 0");
  }
  return static_cast<int64_t>(number);
}

std::string InstructionArguments::text(const char* key) const {
  const json& value = at(key);
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
    throw ArgumentError(std::string(key) + ": must be text, not empty");
  }
  return value.get<std::string>();
}

std::vector<std::string> InstructionArguments::texts(const char* key) const {
  const json& value = at(key);
  std::vector<std::string> texts;
  for (const json& entry : value.is_array() ? value : json::array({value})) {
    if (!entry.is_string()) throw ArgumentError(std::string(key) + ": must be a list of texts");
    texts.push_back(entry.get<std::string>());
  }
  if (texts.empty()) throw ArgumentError(std::string(key) + ": must not be empty");
  return texts;
}

bool InstructionArguments::is_at_least(const char* key) const {
  const std::string relation = text(key);
  if (relation == "at least") return true;
  if (relation == "less than") return false;
  throw ArgumentError(std::string(key) + ": is \"" + printable(relation, 50) +
                      "\", must be \"less than\" or \"at least\"");
}

std::string as_pattern(const std::string& text) {
  try {
    const BoundedRegex tried(text);
    return text;
  } catch (const ArgumentError&) {
    // "C++" is a word, too.
    std::string quoted;
    for (const char c : text) {
      const bool is_plain = (c & 0x80) != 0 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                            (c >= 'A' && c <= 'Z') || c == '\0';
      if (!is_plain) quoted += '\\';
      quoted += c;
    }
    return quoted;
  }
}

int64_t count_matches(const BoundedRegex& regex, std::string_view text) {
  const auto found = regex.find(text, text.size() + 1);
  return found.is_over_budget ? -1 : static_cast<int64_t>(found.matches.size());
}

}  // namespace gradus::rewards
