#include "rewards/math/special/special_answers.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "rewards/math/finding/labels.h"
#include "rewards/math/finding/wording.h"
#include "rewards/math/special/conditions.h"

namespace gradus::rewards::math {
namespace {

using Same = std::function<bool(std::string_view, std::string_view)>;

/// "at least 3" of "\ge 3" and "x \ge 3"; empty where no bound opens the answer.
std::string bound_in_words(std::string_view answer) {
  std::string plain = wording(answer);
  if (plain.size() > 2 && is_letter(plain[0]) &&
      (plain[1] == ' ' || plain[1] == '\\' || plain[1] == '<' || plain[1] == '>')) {
    plain.erase(0, 1);
  }
  plain.erase(0, std::min(plain.find_first_not_of(' '), plain.size()));
  using Bound = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Bound, 12> kBounds{{{"\\geq", "at least"},
                                           {"\\ge", "at least"},
                                           {"≥", "at least"},
                                           {">=", "at least"},
                                           {"\\leq", "at most"},
                                           {"\\le", "at most"},
                                           {"≤", "at most"},
                                           {"<=", "at most"},
                                           {"<", "less than"},
                                           {"\\lt", "less than"},
                                           {">", "more than"},
                                           {"\\gt", "more than"}}};
  for (const auto& [sign, words] : kBounds) {
    if (!plain.starts_with(sign)) continue;
    const size_t number = plain.find_first_not_of(' ', sign.size());
    if (number == std::string::npos) return "";
    return std::string(words) + " " + plain.substr(number);
  }
  return "";
}

std::string listed_values(const std::vector<LabelledPart>& parts) {
  std::string list;
  for (const LabelledPart& part : parts) list += (list.empty() ? "" : " , ") + part.value;
  return list;
}

std::optional<SpecialVerdict> by_labels(std::string_view gold, std::string_view answer,
                                        const Same& same) {
  const std::vector<LabelledPart> given = labelled_parts(answer);
  const std::vector<LabelledPart> wanted = labelled_parts(gold);
  if (given.empty() && wanted.empty()) return std::nullopt;
  if (given.empty()) return SpecialVerdict{same(listed_values(wanted), answer), "labelled gold"};
  if (wanted.empty()) return SpecialVerdict{same(gold, listed_values(given)), "labelled answer"};
  if (given.size() != wanted.size()) return SpecialVerdict{false, "labelled parts"};
  const bool are_same = std::all_of(wanted.begin(), wanted.end(), [&](const LabelledPart& part) {
    const auto found = std::find_if(given.begin(), given.end(), [&](const LabelledPart& other) {
      return other.label == part.label;
    });
    return found != given.end() && same(part.value, found->value);
  });
  return SpecialVerdict{are_same, "labelled parts"};
}

std::optional<SpecialVerdict> by_conditions(std::string_view gold, std::string_view answer,
                                            const Same& same) {
  const auto wanted = split_condition(gold);
  if (!wanted) return std::nullopt;
  const auto given = split_condition(answer);
  if (!given) {
    const bool is_needed = tells_cases_apart(wanted->condition);
    if (!is_needed || !same(wanted->main, answer)) return std::nullopt;
    return SpecialVerdict{false, "the condition is missing"};
  }
  if (!same(wanted->main, given->main)) return std::nullopt;
  const bool are_decisive = is_decisive(wanted->condition) && is_decisive(given->condition);
  if (!are_decisive) return SpecialVerdict{true, "a value and where it holds"};
  const bool are_same = same_condition(wanted->condition, given->condition);
  return SpecialVerdict{are_same, are_same ? "a value and where it holds" : "conditions differ"};
}

}  // namespace

std::optional<SpecialVerdict> special_verdict(std::string_view gold, std::string_view answer,
                                              const Same& same) {
  if (is_decided_by_words(gold)) {
    const std::string wanted = wording(gold);
    const bool is_same = wanted == wording(answer) || wanted == bound_in_words(answer);
    return SpecialVerdict{is_same, "words and numbers"};
  }
  if (auto verdict = by_labels(gold, answer, same)) return verdict;
  return by_conditions(gold, answer, same);
}

bool is_plain_wording(std::string_view gold) {
  if (gold.find_first_of("\\=<>^_{}$") != std::string_view::npos) return false;
  size_t run = 0;
  for (const char c : gold) {
    run = is_letter(c) || static_cast<unsigned char>(c) >= 0x80 ? run + 1 : 0;
    if (run > 1) return true;
  }
  return false;
}

}  // namespace gradus::rewards::math
