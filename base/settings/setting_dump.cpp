// What is written of settings: the dump, the listing, the comparison. Reading is in setting.cpp.

#include "base/settings/key_path.h"
#include "base/settings/setting.h"
#include "base/settings/toml_text.h"

namespace gradus {
namespace {

using nlohmann::json;
using Kind = Setting::Kind;

/// Writes a list of settings as TOML: the values of a table, then the tables inside it.
class TomlWriter {
 public:
  explicit TomlWriter(bool with_texts) : with_texts_(with_texts) {}

  void write_table(const SettingFields& fields, const std::string& path) {
    for (const Setting& setting : fields.settings()) {
      if (setting.kind == Kind::value) write_value(setting, setting.key, setting.get());
      if (setting.kind == Kind::rest) {
        const json options = setting.get();
        for (const auto& [key, value] : options.items()) write_line(key, value);
      }
      // An empty list is written too: the default it is read over may hold entries.
      if (setting.kind == Kind::tables && setting.entries().empty()) {
        write_line(setting.key, json::array());
      }
      if (setting.kind == Kind::named_tables && setting.entries().empty()) {
        write_line(setting.key, json::object());
      }
    }
    for (const Setting& setting : fields.settings()) {
      const std::string child = key_path(path, toml_key(setting.key));
      if (setting.kind == Kind::section)
        write_header("[" + child + "]", setting, setting.open(), child);
      if (setting.kind == Kind::tables || setting.kind == Kind::named_tables) {
        write_entries(setting, child);
      }
    }
  }

  std::string text() && { return std::move(out_); }

 private:
  void write_entries(const Setting& setting, const std::string& child) {
    const bool is_list = setting.kind == Kind::tables;
    for (const auto& [name, fields] : setting.entries()) {
      const std::string path = is_list ? child : key_path(child, toml_key(name));
      write_header(is_list ? "[[" + path + "]]" : "[" + path + "]", setting, fields, path);
    }
  }

  void write_header(const std::string& header, const Setting& setting, const SettingFields& fields,
                    const std::string& path) {
    if (!out_.empty()) out_ += '\n';
    if (with_texts_ && !setting.text.empty()) out_ += "# " + setting.text + "\n";
    out_ += header + "\n";
    write_table(fields, path);
  }

  void write_value(const Setting& setting, const std::string& key, const json& value) {
    if (with_texts_) {
      out_ += "# " + setting.text + " (" + setting.type;
      if (!setting.constraint.text.empty()) out_ += ", " + setting.constraint.text;
      out_ += ")\n";
    }
    write_line(key, value);
  }

  void write_line(const std::string& key, const json& value) {
    out_ += toml_key(key) + " = " + toml_value(value) + "\n";
  }

  bool with_texts_;
  std::string out_;
};

void list_table(const SettingFields& fields, const std::string& path,
                std::vector<SettingInfo>& lines) {
  for (const Setting& setting : fields.settings()) {
    const std::string here = key_path(path, setting.key);
    switch (setting.kind) {
      case Kind::value:
        lines.push_back({here, setting.type, toml_value(setting.get()), setting.constraint.text,
                         setting.text, setting.constraint.on_resume, setting.constraint.condition});
        break;
      case Kind::rest:
        lines.push_back(
            {key_path(path, "*"), "any value", "", "", setting.text, OnResume::fixed, ""});
        break;
      case Kind::section:
        list_table(setting.open(), here, lines);
        break;
      case Kind::tables:
        list_table(setting.open(), here + "[]", lines);
        break;
      case Kind::named_tables:
        list_table(setting.open(), here + ".NAME", lines);
        break;
      case Kind::location:
      case Kind::renamed:
        break;
    }
  }
}

void flatten(const json& value, const std::string& path, std::map<std::string, json>& leaves) {
  const bool is_list_of_tables = value.is_array() && !value.empty() && value.front().is_object();
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) flatten(child, key_path(path, key), leaves);
  } else if (is_list_of_tables) {
    for (size_t i = 0; i < value.size(); ++i) flatten(value[i], key_path(path, i), leaves);
  } else {
    leaves[path] = value;
  }
}

}  // namespace

std::string fields_to_toml(const SettingFields& fields, bool with_texts) {
  TomlWriter writer(with_texts);
  writer.write_table(fields, "");
  return std::move(writer).text();
}

json fields_to_json(const SettingFields& fields) {
  json out = json::object();
  for (const Setting& setting : fields.settings()) {
    switch (setting.kind) {
      case Kind::value:
        out[setting.key] = setting.get();
        break;
      case Kind::section:
        out[setting.key] = fields_to_json(setting.open());
        break;
      case Kind::rest:
        out.update(setting.get());
        break;
      case Kind::tables:
        out[setting.key] = json::array();
        for (const auto& entry : setting.entries()) {
          out[setting.key].push_back(fields_to_json(entry.second));
        }
        break;
      case Kind::named_tables:
        out[setting.key] = json::object();
        for (const auto& entry : setting.entries()) {
          out[setting.key][entry.first] = fields_to_json(entry.second);
        }
        break;
      case Kind::location:
      case Kind::renamed:
        break;
    }
  }
  return out;
}

std::vector<SettingInfo> list_fields(const SettingFields& fields) {
  std::vector<SettingInfo> lines;
  list_table(fields, "", lines);
  return lines;
}

std::vector<SettingDifference> compare_json(const json& left, const json& right) {
  std::map<std::string, json> left_leaves;
  std::map<std::string, json> right_leaves;
  flatten(left, "", left_leaves);
  flatten(right, "", right_leaves);
  std::map<std::string, json> keys = left_leaves;
  keys.insert(right_leaves.begin(), right_leaves.end());
  std::vector<SettingDifference> differences;
  for (const auto& [key, unused] : keys) {
    const auto in_left = left_leaves.find(key);
    const auto in_right = right_leaves.find(key);
    const json a = in_left == left_leaves.end() ? json(nullptr) : in_left->second;
    const json b = in_right == right_leaves.end() ? json(nullptr) : in_right->second;
    if (a != b) differences.push_back({key, a, b});
  }
  return differences;
}

}  // namespace gradus
