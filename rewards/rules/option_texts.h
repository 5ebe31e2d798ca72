#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards {

/// The options of a multiple-choice row: their labels, and what stands behind each.
struct OptionTexts {
  std::vector<std::string> labels;
  std::vector<std::string> texts;  ///< [labels] as plain_option has them

  bool is_empty() const { return labels.empty(); }
};

/// The options under a column (a name with dots leads into objects): a list of texts, which are
/// labelled A, B, ...; an object of texts by label; or an object with lists `label` and `text`.
/// Empty where the row has none of these.
/// @param labels  in place of A, B, ... where there are as many; may be empty.
OptionTexts option_texts_of(const nlohmann::json* row, const std::string& column,
                            const std::vector<std::string>& labels);

/// The label of the only option whose text this is, but for letter case, blanks, marks around it
/// and LaTeX's \text; nothing: none is, or several are, or the text is a label itself.
std::optional<std::string> label_of_text(const OptionTexts& options, std::string_view text);

/// The label that a gold means: itself or the option's text.
/// @param is_number  it is a number in the row: the option's place, from 0.
std::optional<std::string> label_of_gold(const OptionTexts& options, const std::string& gold,
                                         bool is_number);

}  // namespace gradus::rewards
