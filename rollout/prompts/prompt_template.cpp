#include "rollout/prompts/prompt_template.h"

#include <algorithm>
#include <cctype>

#include "base/json.h"

namespace gradus::rollout {
namespace {

bool is_column_name(std::string_view name) {
  const auto starts_word = [](char c) {
    return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
  };
  const auto in_name = [&](char c) {
    return starts_word(c) || std::isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '-';
  };
  return !name.empty() && starts_word(name.front()) &&
         std::all_of(name.begin(), name.end(), in_name);
}

/// The column, or null. A column whose own name has dots wins over the path.
const nlohmann::json* find_column(const nlohmann::json& row, std::string_view name) {
  if (!row.is_object()) return nullptr;
  if (const auto found = row.find(std::string(name)); found != row.end()) return &*found;
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return nullptr;
  const auto outer = row.find(std::string(name.substr(0, dot)));
  return outer == row.end() ? nullptr : find_column(*outer, name.substr(dot + 1));
}

std::string list_columns(const nlohmann::json& row) {
  std::string list;
  for (const auto& [name, value] : row.items()) list += (list.empty() ? "" : ", ") + name;
  return list;
}

}  // namespace

PromptTemplate::PromptTemplate(std::string_view text) {
  const auto add_text = [&](std::string_view part) {
    if (pieces_.empty() || pieces_.back().is_column) pieces_.push_back({});
    pieces_.back().text += part;
  };
  for (size_t i = 0; i < text.size();) {
    const auto rest = text.substr(i);
    const size_t close = rest.find('}');
    if (rest.starts_with("{{") || rest.starts_with("}}")) {
      add_text(rest.substr(0, 1));
      i += 2;
    } else if (rest.front() == '{' && close != std::string_view::npos &&
               is_column_name(rest.substr(1, close - 1))) {
      pieces_.push_back({std::string(rest.substr(1, close - 1)), true});
      i += close + 1;
    } else {
      add_text(rest.substr(0, 1));
      ++i;
    }
  }
}

PromptTemplate::Filled PromptTemplate::fill(const nlohmann::json& row) const {
  Filled filled;
  for (const auto& piece : pieces_) {
    if (!piece.is_column) {
      filled.text += piece.text;
      continue;
    }
    const auto* value = find_column(row, piece.text);
    if (value == nullptr || value->is_null()) {
      filled.problem =
          "data.template names the column \"" + piece.text + "\", the row has " + list_columns(row);
      return filled;
    }
    filled.text += value->is_string() ? value->get<std::string>() : dump_json(*value);
  }
  return filled;
}

}  // namespace gradus::rollout
