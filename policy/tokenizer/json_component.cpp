#include "policy/tokenizer/json_component.h"

#include <algorithm>

namespace gradus::policy {
namespace {

constexpr int kMaxDepth = 16;

}  // namespace

JsonComponent::JsonComponent(const nlohmann::json& json, std::string path)
    : json_(json), path_(std::move(path)) {
  if (std::count(path_.begin(), path_.end(), '[') > kMaxDepth) refuse("is nested too deeply");
  if (!json.is_object()) refuse("must be an object");
  type_ = text("type");
}

void JsonComponent::refuse(const std::string& what) const {
  throw Error(path_ + ": " + what);
}

void JsonComponent::refuse_type(const char* known) const {
  refuse("type \"" + type_ + "\" is not supported; known are " + known);
}

bool JsonComponent::has(const char* key) const {
  const auto it = json_.find(key);
  return it != json_.end() && !it->is_null();
}

bool JsonComponent::flag(const char* key, bool otherwise) const {
  if (!has(key)) return otherwise;
  if (!json_[key].is_boolean()) refuse(std::string(key) + " must be true or false");
  return json_[key].get<bool>();
}

int64_t JsonComponent::integer(const char* key, int64_t otherwise) const {
  if (!has(key)) return otherwise;
  const auto& value = json_[key];
  if (!value.is_number_integer() || value.get<int64_t>() < 0) {
    refuse(std::string(key) + " must be a whole number");
  }
  return value.get<int64_t>();
}

std::string JsonComponent::text(const char* key) const {
  if (!has(key) || !json_[key].is_string()) refuse(std::string(key) + " must be a string");
  return json_[key].get<std::string>();
}

std::string JsonComponent::text(const char* key, const std::string& otherwise) const {
  return has(key) ? text(key) : otherwise;
}

const nlohmann::json& JsonComponent::list(const char* key) const {
  if (!has(key) || !json_[key].is_array()) refuse(std::string(key) + " must be a list");
  return json_[key];
}

std::string JsonComponent::pattern(const char* key, bool* is_regex) const {
  if (has(key) && json_[key].is_string()) {
    *is_regex = false;
    return json_[key].get<std::string>();
  }
  if (has(key) && json_[key].is_object() && json_[key].size() == 1) {
    const auto entry = json_[key].begin();
    if (entry->is_string() && (entry.key() == "Regex" || entry.key() == "String")) {
      *is_regex = entry.key() == "Regex";
      return entry->get<std::string>();
    }
  }
  refuse(std::string(key) + R"( must be {"Regex": "..."} or {"String": "..."})");
}

Regex JsonComponent::regex(const char* key) const {
  bool is_regex = false;
  const std::string text = pattern(key, &is_regex);
  try {
    return is_regex ? Regex(text) : Regex::literal(text);
  } catch (const Error& error) {
    refuse(std::string(key) + ": " + error.what());
  }
}

}  // namespace gradus::policy
