#include "rewards/scores/text_scores.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <unordered_map>

#include "base/utf8.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

bool is_punctuation(uint32_t value) {
  if (value < 0x80) {
    return (value >= '!' && value <= '/') || (value >= ':' && value <= '@') ||
           (value >= '[' && value <= '`') || (value >= '{' && value <= '~');
  }
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

std::string without_punctuation(std::string_view text) {
  std::string kept;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    if (!is_punctuation(point.value)) kept.append(text, i, point.num_bytes);
    i += point.num_bytes;
  }
  return kept;
}

bool is_article(std::string_view word) {
  const std::string lower = lower_case(word);
  return lower == "a" || lower == "an" || lower == "the";
}

// The words that count, with the blanks between them as one or as they were.
std::string joined_words(std::string_view text, bool keeps_space, bool drops_articles) {
  std::string joined;
  size_t end = 0;
  for (const auto word : split_words(text)) {
    const auto begin = static_cast<size_t>(word.data() - text.data());
    if (keeps_space) joined.append(text, end, begin - end);
    end = begin + word.size();
    if (drops_articles && is_article(word)) continue;
    if (!keeps_space && !joined.empty()) joined += ' ';
    joined += word;
  }
  if (keeps_space) joined.append(text, end, text.size() - end);
  return joined;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

std::string composed(std::string text) {
  if (is_ascii(text)) return text;
  utf8proc_uint8_t* mapped = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped,
                   static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (size < 0) return text;  // valid UTF-8 always maps
  return {reinterpret_cast<const char*>(mapped), static_cast<size_t>(size)};
}

}  // namespace

std::string normalized_text(std::string_view text, const TextNormalization& normalization) {
  std::string result = composed(to_valid_utf8(text));
  if (normalization.ignore_case) result = lower_case(result);
  if (normalization.ignore_punctuation) result = without_punctuation(result);
  if (normalization.ignore_space || normalization.ignore_articles) {
    result = joined_words(result, !normalization.ignore_space, normalization.ignore_articles);
  }
  return result;
}

WordOverlap word_overlap(std::string_view answer, std::string_view gold) {
  const auto answer_words = split_words_and_characters(answer);
  const auto gold_words = split_words_and_characters(gold);
  if (answer_words.empty() || gold_words.empty()) {
    const double agrees = answer_words.empty() && gold_words.empty() ? 1.0 : 0.0;
    return {agrees, agrees, agrees};
  }
  std::unordered_map<std::string_view, int64_t> left;
  for (const auto word : gold_words) ++left[word];
  int64_t common = 0;
  for (const auto word : answer_words) {
    const auto place = left.find(word);
    if (place == left.end() || place->second == 0) continue;
    --place->second;
    ++common;
  }
  if (common == 0) return {};
  WordOverlap overlap;
  overlap.precision = static_cast<double>(common) / static_cast<double>(answer_words.size());
  overlap.recall = static_cast<double>(common) / static_cast<double>(gold_words.size());
  overlap.f1 = 2.0 * overlap.precision * overlap.recall / (overlap.precision + overlap.recall);
  return overlap;
}

}  // namespace gradus::rewards
