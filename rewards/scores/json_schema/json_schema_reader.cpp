#include "rewards/scores/json_schema/json_schema_reader.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"
#include "rewards/scores/text_formats.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

constexpr int kMaxSchemaDepth = 200;

enum class Kind {
  annotation,
  schema,
  schema_list,
  schema_map,
  pattern_map,
  text_list_map,
  types,
  list,
  any,
  text_list,
  count,
  number,
  positive,
  truth,
  pattern,
  format,
  reference,
  root_only,
};

struct Keyword {
  const char* name;
  Kind kind;
};

constexpr std::array kKeywords{
    Keyword{"$comment", Kind::annotation},
    Keyword{"$defs", Kind::schema_map},
    Keyword{"$id", Kind::root_only},
    Keyword{"$ref", Kind::reference},
    Keyword{"$schema", Kind::root_only},
    Keyword{"additionalProperties", Kind::schema},
    Keyword{"allOf", Kind::schema_list},
    Keyword{"anyOf", Kind::schema_list},
    Keyword{"const", Kind::any},
    Keyword{"contains", Kind::schema},
    Keyword{"default", Kind::annotation},
    Keyword{"definitions", Kind::schema_map},
    Keyword{"dependentRequired", Kind::text_list_map},
    Keyword{"dependentSchemas", Kind::schema_map},
    Keyword{"deprecated", Kind::annotation},
    Keyword{"description", Kind::annotation},
    Keyword{"else", Kind::schema},
    Keyword{"enum", Kind::list},
    Keyword{"examples", Kind::annotation},
    Keyword{"exclusiveMaximum", Kind::number},
    Keyword{"exclusiveMinimum", Kind::number},
    Keyword{"format", Kind::format},
    Keyword{"if", Kind::schema},
    Keyword{"items", Kind::schema},
    Keyword{"maxContains", Kind::count},
    Keyword{"maxItems", Kind::count},
    Keyword{"maxLength", Kind::count},
    Keyword{"maxProperties", Kind::count},
    Keyword{"maximum", Kind::number},
    Keyword{"minContains", Kind::count},
    Keyword{"minItems", Kind::count},
    Keyword{"minLength", Kind::count},
    Keyword{"minProperties", Kind::count},
    Keyword{"minimum", Kind::number},
    Keyword{"multipleOf", Kind::positive},
    Keyword{"not", Kind::schema},
    Keyword{"oneOf", Kind::schema_list},
    Keyword{"pattern", Kind::pattern},
    Keyword{"patternProperties", Kind::pattern_map},
    Keyword{"prefixItems", Kind::schema_list},
    Keyword{"properties", Kind::schema_map},
    Keyword{"propertyNames", Kind::schema},
    Keyword{"readOnly", Kind::annotation},
    Keyword{"required", Kind::text_list},
    Keyword{"then", Kind::schema},
    Keyword{"title", Kind::annotation},
    Keyword{"type", Kind::types},
    Keyword{"uniqueItems", Kind::truth},
    Keyword{"writeOnly", Kind::annotation},
};

constexpr std::array kTypes{"array", "boolean", "integer", "null", "number", "object", "string"};

[[noreturn]] void refuse(const std::string& path, const std::string& what) {
  throw ArgumentError((path.empty() ? "the schema" : printable(path, 200)) + ": " + what);
}

void need(bool holds, const std::string& path, const char* what) {
  if (!holds) refuse(path, std::string("must be ") + what);
}

bool is_text_list(const json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(),
                                         [](const json& entry) { return entry.is_string(); });
}

bool is_type_name(const json& value) {
  return value.is_string() && std::find(kTypes.begin(), kTypes.end(),
                                        value.get_ref<const std::string&>()) != kTypes.end();
}

bool are_types(const json& value) {
  return is_type_name(value) || (value.is_array() && !value.empty() &&
                                 std::all_of(value.begin(), value.end(), is_type_name));
}

bool is_count(const json& value) {
  if (!value.is_number()) return false;
  const auto number = value.get<double>();
  return number >= 0.0 && number <= 1e15 && std::floor(number) == number;
}

[[noreturn]] void refuse_keyword(const std::string& keyword, const std::string& path) {
  std::vector<std::string> names;
  for (const Keyword& known : kKeywords) names.emplace_back(known.name);
  const auto nearest = nearest_name(keyword, names);
  refuse(path, nearest ? "is not a keyword that is checked; did you mean " + *nearest + "?"
                       : "is not a keyword that is checked; see docs/rewards.md");
}

std::string escaped(const std::string& key) {
  std::string out;
  for (const char c : key) out += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return out;
}

// `%25` as URIs write it.
std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 &&
        digit(text[i + 2]) >= 0) {
      out += static_cast<char>(16 * digit(text[i + 1]) + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string pointer_token(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out += token[++i] == '0' ? '~' : '/';
    } else {
      out += token[i];
    }
  }
  return out;
}

const json* child(const json& value, const std::string& token) {
  if (value.is_object()) {
    const auto found = value.find(token);
    return found == value.end() ? nullptr : &*found;
  }
  const bool is_index =
      !token.empty() && token.size() < 7 &&
      std::all_of(token.begin(), token.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!value.is_array() || !is_index) return nullptr;
  const auto index = static_cast<size_t>(std::stoul(token));
  return index < value.size() ? &value[index] : nullptr;
}

/// Keywords whose values are looked at without knowing the rest of the schema.
void check_value(Kind kind, const json& value, const std::string& path) {
  switch (kind) {
    case Kind::text_list_map:
      return need(value.is_object() && std::all_of(value.begin(), value.end(), is_text_list), path,
                  "an object of lists of names");
    case Kind::types:
      return need(are_types(value), path,
                  "array, boolean, integer, null, number, object or string, or a list of them");
    case Kind::list:
      return need(value.is_array(), path, "a list");
    case Kind::text_list:
      return need(is_text_list(value), path, "a list of names");
    case Kind::count:
      return need(is_count(value), path, "a whole number, at least 0");
    case Kind::number:
      return need(value.is_number() && !std::isnan(value.get<double>()), path, "a number");
    case Kind::positive:
      return need(
          value.is_number() && std::isfinite(value.get<double>()) && value.get<double>() > 0.0,
          path, "a number above 0");
    case Kind::truth:
      return need(value.is_boolean(), path, "true or false");
    case Kind::root_only:
    case Kind::pattern:
    case Kind::format:
    case Kind::reference:
      return need(value.is_string(), path, "text");
    default:
      return;
  }
}

}  // namespace

const json* find_reference(const json& root, const std::string& reference) {
  if (!reference.starts_with('#')) return nullptr;
  std::string pointer = percent_decoded(std::string_view(reference).substr(1));
  const json* found = &root;
  while (!pointer.empty() && found != nullptr) {
    if (pointer.front() != '/') return nullptr;
    const size_t end = std::min(pointer.find('/', 1), pointer.size());
    found = child(*found, pointer_token(std::string_view(pointer).substr(1, end - 1)));
    pointer.erase(0, end);
  }
  return found;
}

void SchemaReader::read() {
  read_schema(schema_.schema_, "", 0);
}

void SchemaReader::read_schema(const json& schema, const std::string& path, int depth) {
  if (depth > kMaxSchemaDepth) refuse("the schema", "is nested more than 200 deep");
  if (schema.is_boolean()) return;
  need(schema.is_object(), path, "an object, true or false");
  for (const auto& [keyword, value] : schema.items()) {
    read_keyword(keyword, value, path + "/" + escaped(keyword), depth);
  }
}

void SchemaReader::compile(const std::string& pattern, const std::string& path) {
  if (schema_.patterns_.contains(pattern)) return;
  try {
    schema_.patterns_.emplace(pattern, schema_regex(pattern));
  } catch (const ArgumentError& error) {
    refuse(path,
           "\"" + printable(pattern, 100) + "\" is not a regular expression: " + error.what());
  }
}

void SchemaReader::read_keyword(const std::string& keyword, const json& value,
                                const std::string& path, int depth) {
  const auto* known = std::find_if(kKeywords.begin(), kKeywords.end(),
                                   [&](const Keyword& entry) { return keyword == entry.name; });
  if (known == kKeywords.end()) refuse_keyword(keyword, path);
  switch (known->kind) {
    case Kind::root_only:
      if (depth > 0) refuse(path, "stands within the schema; it is read at the root alone");
      break;
    case Kind::schema:
      if (keyword == "items" && value.is_array()) refuse(path, "is a list; write prefixItems");
      return read_schema(value, path, depth + 1);
    case Kind::schema_list:
      return read_list(value, path, depth + 1);
    case Kind::schema_map:
    case Kind::pattern_map:
      return read_map(value, path, depth + 1, known->kind == Kind::pattern_map);
    default:
      break;
  }
  check_value(known->kind, value, path);
  if (known->kind == Kind::pattern) return compile(value.get<std::string>(), path);
  if (value.is_string()) check_text(keyword, value.get<std::string>(), path);
}

void SchemaReader::read_list(const json& value, const std::string& path, int depth) {
  need(value.is_array() && !value.empty(), path, "a list of schemas, not empty");
  for (size_t i = 0; i < value.size(); ++i) {
    read_schema(value[i], path + "/" + std::to_string(i), depth);
  }
}

void SchemaReader::read_map(const json& value, const std::string& path, int depth,
                            bool names_are_patterns) {
  need(value.is_object(), path, "an object of schemas");
  for (const auto& [name, schema] : value.items()) {
    if (names_are_patterns) compile(name, path);
    read_schema(schema, path + "/" + escaped(name), depth);
  }
}

void SchemaReader::check_text(const std::string& keyword, const std::string& text,
                              const std::string& path) {
  // A vocabulary of somebody's own could mean anything by these keywords.
  if (keyword == "$schema" && text.find("json-schema.org/draft") == std::string::npos) {
    refuse(path, "is not a draft of json-schema.org");
  }
  if (keyword == "format" && schema_.checks_formats_ && !is_of_format(text, "")) {
    refuse(path, "\"" + printable(text, 100) + "\" is not a format that is checked");
  }
  if (keyword == "$ref" && find_reference(schema_.schema_, text) == nullptr) {
    refuse(path, printable(text, 200) +
                     " is not there; references point into the schema itself, as #/$defs/x");
  }
}

}  // namespace gradus::rewards
