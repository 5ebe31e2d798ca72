#include "rewards/rules/option_texts.h"

#include <algorithm>

#include "rewards/rules/reference.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

constexpr size_t kMostOptions = 26;

std::optional<std::string> text_of_option(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

/// What \text{...} and the like hold, without the dollars around.
std::string without_latex_text(std::string_view text) {
  std::string plain;
  for (const char c : text)
    if (c != '$') plain += c;
  for (const std::string_view command : {"\\text{", "\\textbf{", "\\mathrm{", "\\boxed{"}) {
    const size_t begin = plain.find(command);
    if (begin == std::string::npos) continue;
    const size_t end = plain.find('}', begin);
    if (end == std::string::npos) continue;
    plain.erase(end, 1);
    plain.erase(begin, command.size());
  }
  return plain;
}

/// Small letters, single blanks, no marks at the ends.
std::string plain_option(std::string_view text) {
  const std::string lower = lower_case(without_latex_text(text));
  std::string plain;
  for (const auto word : split_words(lower)) plain.append(plain.empty() ? "" : " ").append(word);
  constexpr std::string_view kOuter = ".,:;!*_`\"'()[]{} ";
  const size_t begin = plain.find_first_not_of(kOuter);
  if (begin == std::string::npos) return plain;
  return plain.substr(begin, plain.find_last_not_of(kOuter) + 1 - begin);
}

OptionTexts lettered(const json& list, const std::vector<std::string>& labels) {
  OptionTexts options;
  if (list.size() > kMostOptions) return {};
  for (size_t i = 0; i < list.size(); ++i) {
    const auto text = text_of_option(list[i]);
    if (!text) return {};
    options.labels.push_back(
        labels.size() == list.size() ? labels[i] : std::string(1, static_cast<char>('A' + i)));
    options.texts.push_back(plain_option(*text));
  }
  return options;
}

std::vector<std::string> texts_of_list(const json& list) {
  std::vector<std::string> texts;
  for (const json& entry : list)
    if (auto text = text_of_option(entry)) texts.push_back(std::move(*text));
  return texts;
}

OptionTexts labelled(const json& object) {
  const auto label = object.find("label");
  const auto text = object.find("text");
  if (label != object.end() && text != object.end() && label->is_array() && text->is_array() &&
      label->size() == text->size()) {
    const auto labels = texts_of_list(*label);
    return labels.size() == label->size() ? lettered(*text, labels) : OptionTexts{};
  }
  OptionTexts options;
  for (const auto& [name, value] : object.items()) {
    const auto found = text_of_option(value);
    if (!found || options.labels.size() == kMostOptions) return {};
    options.labels.push_back(name);
    options.texts.push_back(plain_option(*found));
  }
  return options;
}

std::optional<std::string> as_label(const OptionTexts& options, std::string_view text) {
  const std::string plain = plain_option(text);
  for (const std::string& label : options.labels)
    if (plain == plain_option(label)) return label;
  return std::nullopt;
}

}  // namespace

OptionTexts option_texts_of(const json* row, const std::string& column,
                            const std::vector<std::string>& labels) {
  if (column.empty()) return {};
  const json* value = value_at(row, column);
  if (value == nullptr) return {};
  if (value->is_array()) return lettered(*value, labels);
  return value->is_object() ? labelled(*value) : OptionTexts{};
}

std::optional<std::string> label_of_text(const OptionTexts& options, std::string_view text) {
  const std::string plain = plain_option(text);
  if (plain.empty() || as_label(options, text)) return std::nullopt;
  if (std::ranges::count(options.texts, plain) != 1) return std::nullopt;
  const auto found = std::ranges::find(options.texts, plain);
  return options.labels[static_cast<size_t>(found - options.texts.begin())];
}

std::optional<std::string> label_of_gold(const OptionTexts& options, const std::string& gold,
                                         bool is_number) {
  const bool is_short = !gold.empty() && gold.size() <= 2;
  if (is_number && is_short && gold.find_first_not_of("0123456789") == std::string::npos) {
    const size_t place = std::stoul(gold);
    if (place < options.labels.size()) return options.labels[place];
  }
  const auto label = as_label(options, gold);
  return label ? label : label_of_text(options, gold);
}

}  // namespace gradus::rewards
