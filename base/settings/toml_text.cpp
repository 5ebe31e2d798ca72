#include "base/settings/toml_text.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/error.h"
#include "base/printable.h"
#include "base/utf8.h"

namespace gradus {
namespace {

using nlohmann::json;

class Converter {
 public:
  explicit Converter(TomlDocument& document) : document_(document) {}

  json table(const toml::table& source, const std::string& path) {
    json out = json::object();
    for (const auto& [key, node] : source) {
      const std::string name(key.str());
      const std::string child = path.empty() ? name : path + "." + name;
      document_.lines[child] = static_cast<int>(key.source().begin.line);
      out[name] = value(node, child);
    }
    return out;
  }

 private:
  json value(const toml::node& node, const std::string& path) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* integer = node.as_integer()) return integer->get();
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* flag = node.as_boolean()) return flag->get();
    if (const auto* nested = node.as_table()) return table(*nested, path);
    if (const auto* list = node.as_array()) return array(*list, path);
    throw ConfigError(document_.where(path) + ": " + path +
                      ": is a date or time, which no setting takes; write it as text in quotes");
  }

  json array(const toml::array& source, const std::string& path) {
    json out = json::array();
    for (size_t i = 0; i < source.size(); ++i) {
      const std::string child = path + "[" + std::to_string(i) + "]";
      document_.lines[child] = static_cast<int>(source[i].source().begin.line);
      out.push_back(value(source[i], child));
    }
    return out;
  }

  TomlDocument& document_;
};

std::string quoted_text(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out = "\"";
  for (const char c : to_valid_utf8(text)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 0xF];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string float_text(double value) {
  std::string text = number_text(value);
  const bool is_plain = text.find_first_not_of("-0123456789") == std::string::npos;
  return is_plain ? text + ".0" : text;
}

std::string unsigned_text(uint64_t value) {
  const auto text = std::to_string(value);
  return value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ? text
                                                                             : quoted_text(text);
}

std::string array_text(const json& value) {
  std::string out = "[";
  for (const auto& element : value) out += (out.size() > 1 ? ", " : "") + toml_value(element);
  return out + "]";
}

std::string table_text(const json& value) {
  std::string out = "{";
  for (const auto& [key, element] : value.items()) {
    if (element.is_null()) continue;
    out += (out.size() > 1 ? ", " : "") + toml_key(key) + " = " + toml_value(element);
  }
  return out + "}";
}

}  // namespace

std::string TomlDocument::where(const std::string& key) const {
  for (std::string path = key; !path.empty();) {
    const auto found = lines.find(path);
    if (found != lines.end()) return source + ":" + std::to_string(found->second);
    const auto cut = path.find_last_of(".[");
    path.resize(cut == std::string::npos ? 0 : cut);
  }
  return source;
}

TomlDocument parse_toml(std::string_view text, const std::string& source) {
  TomlDocument document;
  document.source = source;
  try {
    const toml::table table = toml::parse(text);
    document.values = Converter(document).table(table, "");
  } catch (const toml::parse_error& error) {
    throw ConfigError(source + ":" + std::to_string(error.source().begin.line) + ": " +
                      printable(error.description(), 400));
  }
  return document;
}

std::string toml_value(const json& value) {
  switch (value.type()) {
    case json::value_t::boolean:
      return value.get<bool>() ? "true" : "false";
    case json::value_t::number_integer:
      return std::to_string(value.get<int64_t>());
    case json::value_t::number_unsigned:
      return unsigned_text(value.get<uint64_t>());
    case json::value_t::number_float:
      return float_text(value.get<double>());
    case json::value_t::string:
      return quoted_text(value.get_ref<const std::string&>());
    case json::value_t::array:
      return array_text(value);
    case json::value_t::object:
      return table_text(value);
    default:
      return "\"none\"";
  }
}

std::string toml_key(std::string_view key) {
  const bool is_bare = !key.empty() && std::all_of(key.begin(), key.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
  return is_bare ? std::string(key) : quoted_text(key);
}

}  // namespace gradus
