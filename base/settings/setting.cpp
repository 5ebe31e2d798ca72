#include "base/settings/setting.h"

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/key_path.h"
#include "base/settings/nearest_name.h"
#include "base/settings/toml_text.h"

namespace gradus {
namespace {

using nlohmann::json;
using Kind = Setting::Kind;

std::string shown(const json& value) {
  if (value.is_object()) return "a table";
  if (value.is_string() && value.get_ref<const std::string&>().empty()) return "empty";
  return printable(toml_value(value), 120);
}

/// What is wrong with a value, as "is 1, must be >= 2", or nothing.
std::optional<std::string> broken_constraint(const SettingConstraint& constraint,
                                             const json& value) {
  if (!constraint.holds || value.is_null()) return std::nullopt;
  const auto fault = [&](const std::string& subject, const json& bad) {
    std::string text = subject + "is " + shown(bad) + ", must be " + constraint.text;
    return constraint.advice.empty() ? text : text + ". " + constraint.advice;
  };
  if (constraint.on_whole || !value.is_array()) {
    if (constraint.holds(value)) return std::nullopt;
    return fault("", value);
  }
  for (size_t i = 0; i < value.size(); ++i) {
    if (!constraint.holds(value[i])) return fault("element " + std::to_string(i) + " ", value[i]);
  }
  return std::nullopt;
}

/// Reads JSON values into a list of settings; keys in errors are paths from the root.
class Reader {
 public:
  explicit Reader(const TomlDocument& document) : document_(document) {}

  void read_table(const SettingFields& fields, const json& table, const std::string& path) const {
    if (!table.is_object()) fail(path, "is " + shown(table) + ", must be a table");
    const Setting* rest = find(fields, Kind::rest);
    json left_over = json::object();
    for (const auto& [key, value] : table.items()) {
      if (const Setting* setting = find(fields, key)) {
        read_setting(present(fields, *setting), value, key_path(path, key));
      } else if (rest != nullptr) {
        left_over[key] = value;
      } else {
        fail_unknown(fields, key, path);
      }
    }
    if (rest != nullptr && !left_over.empty()) read_rest(*rest, left_over);
    if (const Setting* location = find(fields, Kind::location)) {
      location->set(document_.where(path) + ": " + path);
    }
  }

  void read_setting(const Setting& setting, const json& value, const std::string& path) const {
    switch (setting.kind) {
      case Kind::value:
        return read_value(setting, value, path);
      case Kind::section:
        return read_table(setting.open(), value, path);
      case Kind::tables:
        return read_tables(setting, value, path);
      case Kind::named_tables:
        return read_named_tables(setting, value, path);
      case Kind::rest:
      case Kind::location:
      case Kind::renamed:
        return;
    }
  }

  void read_value(const Setting& setting, const json& value, const std::string& path) const {
    if (const auto fault = setting.set(value)) {
      fail(path, "is " + shown(value) + ", " + *fault);
    }
    if (const auto fault = broken_constraint(setting.constraint, setting.get())) {
      fail(path, *fault);
    }
  }

  [[noreturn]] void fail(const std::string& path, const std::string& what) const {
    const std::string where = document_.where(path);
    throw ConfigError(where + ": " + (path.empty() ? "" : printable(path, 200) + ": ") + what);
  }

  [[noreturn]] void fail_unknown(const SettingFields& fields, const std::string& key,
                                 const std::string& path) const {
    std::vector<std::string> known;
    for (const Setting& setting : fields.settings()) {
      if (!setting.key.empty() && setting.kind != Kind::renamed) known.push_back(setting.key);
    }
    if (const auto nearest = nearest_name(key, known)) {
      fail(key_path(path, key), "is not a setting; did you mean " + key_path(path, *nearest) + "?");
    }
    std::string list;
    for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
    fail(key_path(path, key), "is not a setting; known here: " + list);
  }

  /// The setting that a former key stands for now; any other setting is itself.
  static Setting present(const SettingFields& fields, const Setting& setting) {
    if (setting.kind != Kind::renamed) return setting;
    const std::string& target = setting.text;
    const size_t dot = target.find('.');
    if (dot == std::string::npos) return *find(fields, target);
    const SettingFields section = find(fields, std::string_view(target).substr(0, dot))->open();
    return *find(section, std::string_view(target).substr(dot + 1));
  }

  static const Setting* find(const SettingFields& fields, std::string_view key) {
    for (const Setting& setting : fields.settings()) {
      if (!setting.key.empty() && setting.key == key) return &setting;
    }
    return nullptr;
  }

  static const Setting* find(const SettingFields& fields, Kind kind) {
    for (const Setting& setting : fields.settings()) {
      if (setting.kind == kind) return &setting;
    }
    return nullptr;
  }

  static void read_rest(const Setting& rest, const json& left_over) {
    json options = rest.get();
    if (!options.is_object()) options = json::object();
    options.update(left_over);
    rest.set(options);
  }

 private:
  void read_tables(const Setting& setting, const json& value, const std::string& path) const {
    if (!value.is_array()) {
      fail(path, "is " + shown(value) + ", must be a list of tables: [[" + path + "]]");
    }
    setting.clear();
    for (size_t i = 0; i < value.size(); ++i) {
      read_table(setting.append(""), value[i], key_path(path, i));
    }
  }

  void read_named_tables(const Setting& setting, const json& value, const std::string& path) const {
    if (!value.is_object()) {
      fail(path, "is " + shown(value) + ", must hold tables: [" + path + ".NAME]");
    }
    for (const auto& [name, table] : value.items()) {
      read_table(setting.append(name), table, key_path(path, name));
    }
  }

  const TomlDocument& document_;
};

struct PathPart {
  std::string key;
  std::optional<size_t> index;
};

std::vector<PathPart> split_path(const Reader& reader, std::string_view path) {
  std::vector<PathPart> parts;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    PathPart part{std::string(path.substr(begin, end - begin)), std::nullopt};
    const auto bracket = part.key.find('[');
    if (bracket != std::string::npos) {
      uint64_t index = 0;
      const bool is_closed = part.key.back() == ']';
      const json digits = part.key.substr(bracket + 1, part.key.size() - bracket - 2);
      if (!is_closed || setting_value::assign(index, digits)) {
        reader.fail(std::string(path), "is not a key; an entry is written name[0]");
      }
      part.index = index;
      part.key.resize(bracket);
    }
    if (part.key.empty()) reader.fail(std::string(path), "is not a key");
    parts.push_back(std::move(part));
    begin = end + 1;
  }
  return parts;
}

/// The text of `--set key=text` as a value: TOML where it is TOML, else the bare text.
json value_of_text(const std::string& text, bool takes_text) {
  const bool is_quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'');
  if (takes_text && !is_quoted) return text;
  try {
    const json values = parse_toml("value = " + text, "--set").values;
    if (values.size() == 1) return values.at("value");
  } catch (const ConfigError&) {
    // Not TOML: the bare text. A setting that is not text then refuses it by name.
  }
  return text;
}

/// Walks a path to the setting it names and reads one value into it.
class Setter {
 public:
  Setter(const Reader& reader, std::vector<PathPart> parts, std::string text)
      : reader_(reader), parts_(std::move(parts)), text_(std::move(text)) {}

  void set_in(const SettingFields& fields, size_t depth, const std::string& path) const {
    const PathPart& part = parts_[depth];
    const std::string here = key_path(path, part.key);
    const Setting* setting = Reader::find(fields, part.key);
    if (setting == nullptr) {
      if (const Setting* rest = Reader::find(fields, Kind::rest)) return set_rest(*rest, depth);
      reader_.fail_unknown(fields, part.key, path);
    }
    const bool is_table_entry = setting->kind == Kind::tables && part.index;
    if (part.index && !is_table_entry) reader_.fail(here, "is not a list of tables");
    if (is_table_entry) return set_in_tables(*setting, depth, here);
    if (depth + 1 == parts_.size()) {
      const Setting target = Reader::present(fields, *setting);
      return reader_.read_setting(target, value_of_text(text_, target.takes_text), here);
    }
    set_below(*setting, depth, here);
  }

 private:
  void set_below(const Setting& setting, size_t depth, const std::string& here) const {
    if (setting.kind == Kind::section) return set_in(setting.open(), depth + 1, here);
    if (setting.kind != Kind::named_tables) reader_.fail(here, "holds no settings of its own");
    const std::string& name = parts_[depth + 1].key;
    const SettingFields fields = setting.append(name);
    if (depth + 2 == parts_.size()) {
      return reader_.read_table(fields, value_of_text(text_, false), key_path(here, name));
    }
    set_in(fields, depth + 2, key_path(here, name));
  }

  void set_in_tables(const Setting& setting, size_t depth, const std::string& here) const {
    const auto entries = setting.entries();
    const size_t index = *parts_[depth].index;
    const std::string entry = key_path(here, index);
    if (index >= entries.size()) {
      reader_.fail(entry, "there are " + std::to_string(entries.size()) + " entries, from 0");
    }
    const SettingFields& fields = entries[index].second;
    if (depth + 1 == parts_.size()) {
      return reader_.read_table(fields, value_of_text(text_, false), entry);
    }
    set_in(fields, depth + 1, entry);
  }

  void set_rest(const Setting& rest, size_t depth) const {
    json options = rest.get();
    json* target = &options;
    for (size_t i = depth; i < parts_.size(); ++i) {
      if (!target->is_object()) *target = json::object();
      target = &(*target)[parts_[i].key];
    }
    *target = value_of_text(text_, false);
    rest.set(options);
  }

  const Reader& reader_;
  std::vector<PathPart> parts_;
  std::string text_;
};

void check_table(const Reader& reader, const SettingFields& fields, const std::string& path) {
  for (const Setting& setting : fields.settings()) {
    const std::string here = key_path(path, setting.key);
    if (setting.kind == Kind::value) {
      if (const auto fault = broken_constraint(setting.constraint, setting.get())) {
        reader.fail(here, *fault);
      }
    } else if (setting.kind == Kind::section) {
      check_table(reader, setting.open(), here);
    } else if (setting.kind == Kind::tables || setting.kind == Kind::named_tables) {
      size_t index = 0;
      for (const auto& [name, entry] : setting.entries()) {
        check_table(reader, entry, name.empty() ? key_path(here, index) : key_path(here, name));
        ++index;
      }
    }
  }
}

}  // namespace

void SettingFields::section_of(const std::string& key, const std::string& text,
                               std::function<SettingFields()> open) {
  Setting setting = named(Setting::Kind::section, key, text);
  setting.open = std::move(open);
  settings_.push_back(std::move(setting));
}

void SettingFields::renamed(const char* key, const char* target) {
  settings_.push_back(named(Setting::Kind::renamed, key, target));
}

Setting SettingFields::named(Setting::Kind kind, const std::string& key, const std::string& text) {
  Setting setting;
  setting.kind = kind;
  setting.key = key;
  setting.text = text;
  return setting;
}

Setting SettingFields::choice(const std::string& key, const std::string& text,
                              const std::vector<std::string>& names) {
  Setting setting = named(Setting::Kind::value, key, text);
  setting.takes_text = true;
  for (const auto& name : names) setting.type += (setting.type.empty() ? "" : "|") + name;
  return setting;
}

std::optional<size_t> SettingFields::index_of(const std::vector<std::string>& names,
                                              const json& value) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const std::string& name) { return value == name; });
  if (found == names.end()) return std::nullopt;
  return static_cast<size_t>(found - names.begin());
}

std::string SettingFields::choice_fault(const std::vector<std::string>& names, const json& value) {
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  std::string fault = "must be one of " + list;
  if (!value.is_string()) return fault;
  const auto nearest = nearest_name(value.get_ref<const std::string&>(), names);
  return nearest ? fault + "; did you mean \"" + *nearest + "\"?" : fault;
}

void SettingFields::rest(json& options, const std::string& text) {
  Setting setting = named(Setting::Kind::rest, "", text);
  setting.get = [&options] { return options.is_object() ? options : json::object(); };
  setting.set = [&options](const json& value) -> setting_value::Fault {
    options = value;
    return std::nullopt;
  };
  settings_.push_back(std::move(setting));
}

void SettingFields::location(std::string& where) {
  Setting setting = named(Setting::Kind::location, "", "");
  setting.set = [&where](const json& value) -> setting_value::Fault {
    where = value.get<std::string>();
    return std::nullopt;
  };
  settings_.push_back(std::move(setting));
}

void read_fields(const SettingFields& fields, std::string_view toml, const std::string& source) {
  const TomlDocument document = parse_toml(toml, source);
  Reader(document).read_table(fields, document.values, "");
}

void read_fields_json(const SettingFields& fields, const json& values, const std::string& source) {
  const TomlDocument document{source, values, {}};
  Reader(document).read_table(fields, values, "");
}

void set_field(const SettingFields& fields, std::string_view assignment) {
  const TomlDocument document{"--set", {}, {}};
  const Reader reader(document);
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos) {
    reader.fail("", "\"" + printable(assignment, 100) + "\" must be key=value, as rl.kl_coef=0.01");
  }
  const auto trimmed = [](std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
  };
  auto parts = split_path(reader, trimmed(assignment.substr(0, equals)));
  Setter(reader, std::move(parts), std::string(trimmed(assignment.substr(equals + 1))))
      .set_in(fields, 0, "");
}

void check_fields(const SettingFields& fields, const std::string& source) {
  const TomlDocument document{source, {}, {}};
  check_table(Reader(document), fields, "");
}

}  // namespace gradus
