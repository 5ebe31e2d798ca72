#include "rewards/rules/reference.h"

#include "base/exact_json.h"
#include "base/json.h"
#include "base/printable.h"

namespace gradus::rewards {

using nlohmann::json;

const json* value_at(const json* row, const std::string& column) {
  if (row == nullptr || !row->is_object()) return nullptr;
  if (const auto found = row->find(column); found != row->end()) return &*found;
  const size_t dot = column.find('.');
  if (dot == std::string::npos) return nullptr;
  const auto outer = row->find(column.substr(0, dot));
  return outer == row->end() ? nullptr : value_at(&*outer, column.substr(dot + 1));
}

References references_of(const json* row, const std::string& column) {
  const json* value = value_at(row, column);
  if (value == nullptr) return {{}, "the row has no column \"" + printable(column, 100) + "\""};
  References references;
  for (const json& entry : value->is_array() ? *value : json::array({*value})) {
    if (entry.is_string()) references.texts.push_back(entry.get<std::string>());
    if (entry.is_number() || entry.is_boolean() || is_big_integer(entry))
      references.texts.push_back(dump_json(entry));
  }
  if (references.texts.empty()) {
    references.missing = "column \"" + printable(column, 100) + "\" holds no text, number or list";
  }
  return references;
}

}  // namespace gradus::rewards
