#include "rewards/graders/similarity/word_tokens.h"

#include <algorithm>
#include <bit>

namespace gradus::rewards::graders {
namespace {

bool is_ascii_digit(char32_t c) {
  return c >= U'0' && c <= U'9';
}

bool is_stop_or_comma(char32_t c) {
  return c == U'.' || c == U',';
}

bool stands_alone(char32_t c) {
  return (c >= U'{' && c <= U'~') || (c >= U'[' && c <= U'`') || (c >= U' ' && c <= U'&') ||
         (c >= U'(' && c <= U'+') || (c >= U':' && c <= U'@') || c == U'/';
}

Text with_symbols_apart(TextView text) {
  Text result;
  for (const char32_t c : text) {
    if (stands_alone(c)) {
      result.append(U" ").append(1, c).append(U" ");
    } else {
      result += c;
    }
  }
  return result;
}

// Two neighbours that `is_pair` names are taken together, and not looked at again.
template <class IsPair>
Text with_pairs_apart(TextView text, IsPair is_pair, bool space_before, bool space_after) {
  Text result;
  for (size_t at = 0; at < text.size(); ++at) {
    if (at + 1 >= text.size() || !is_pair(text[at], text[at + 1])) {
      result += text[at];
      continue;
    }
    if (space_before) result += U' ';
    result.append(1, text[at]).append(U" ").append(1, text[at + 1]);
    if (space_after) result += U' ';
    ++at;
  }
  return result;
}

std::vector<Text> split_at_spaces(TextView text) {
  std::vector<Text> words;
  Text word;
  for (const char32_t c : text) {
    if (!profiles::is_space(c)) {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

}  // namespace

std::vector<Text> words_13a(std::string_view utf8) {
  using profiles::replaced;
  Text text = profiles::to_text(utf8);
  while (!text.empty() && profiles::is_space(text.back())) text.pop_back();
  text = replaced(text, U"<skipped>", U"");
  text = replaced(text, U"-\n", U"");
  text = replaced(text, U"\n", U" ");
  if (profiles::contains(text, U"&")) {
    text = replaced(text, U"&quot;", U"\"");
    text = replaced(text, U"&amp;", U"&");
    text = replaced(text, U"&lt;", U"<");
    text = replaced(text, U"&gt;", U">");
  }
  text = with_symbols_apart(U" " + text + U" ");
  text = with_pairs_apart(
      text, [](char32_t a, char32_t b) { return !is_ascii_digit(a) && is_stop_or_comma(b); }, false,
      true);
  text = with_pairs_apart(
      text, [](char32_t a, char32_t b) { return is_stop_or_comma(a) && !is_ascii_digit(b); }, true,
      false);
  text = with_pairs_apart(
      text, [](char32_t a, char32_t b) { return is_ascii_digit(a) && b == U'-'; }, false, true);
  return split_at_spaces(text);
}

std::vector<Text> words_rouge(std::string_view utf8) {
  Text text = profiles::lowered(profiles::to_text(utf8));
  for (char32_t& c : text) {
    if (!is_ascii_digit(c) && !(c >= U'a' && c <= U'z')) c = U' ';
  }
  return split_at_spaces(text);
}

Text WordNumbers::numbers_of(const std::vector<Text>& words) {
  Text numbers;
  for (const Text& word : words) {
    numbers += numbers_.try_emplace(word, static_cast<char32_t>(numbers_.size())).first->second;
  }
  return numbers;
}

std::unordered_map<TextView, int64_t> count_ngrams(TextView numbers, size_t n) {
  std::unordered_map<TextView, int64_t> counts;
  for (size_t at = 0; at + n <= numbers.size(); ++at) ++counts[numbers.substr(at, n)];
  return counts;
}

int64_t num_common(const std::unordered_map<TextView, int64_t>& a,
                   const std::unordered_map<TextView, int64_t>& b) {
  int64_t common = 0;
  for (const auto& [ngram, count] : a) {
    const auto other = b.find(ngram);
    if (other != b.end()) common += std::min(count, other->second);
  }
  return common;
}

size_t common_subsequence(TextView a, TextView b) {
  size_t outside = 0;  // equal beginnings and ends belong to it
  while (!a.empty() && !b.empty() && a.front() == b.front()) {
    a.remove_prefix(1);
    b.remove_prefix(1);
    ++outside;
  }
  while (!a.empty() && !b.empty() && a.back() == b.back()) {
    a.remove_suffix(1);
    b.remove_suffix(1);
    ++outside;
  }
  if (a.empty() || b.empty()) return outside;
  const size_t num_blocks = (a.size() + 63) / 64;
  std::unordered_map<char32_t, std::vector<uint64_t>> places;  // [character] bits where it stands
  for (size_t i = 0; i < a.size(); ++i) {
    auto& bits = places[a[i]];
    bits.resize(num_blocks);
    bits[i / 64] |= uint64_t{1} << (i % 64);
  }
  std::vector<uint64_t> row(num_blocks, ~uint64_t{0});  // zeros: where the length grows
  for (const char32_t c : b) {
    const auto found = places.find(c);
    if (found == places.end()) continue;
    uint64_t carry = 0;
    for (size_t k = 0; k < num_blocks; ++k) {
      const uint64_t v = row[k];
      const uint64_t u = v & found->second[k];
      const uint64_t sum = v + u;
      const uint64_t whole = sum + carry;
      carry = (sum < v) | (whole < sum);
      row[k] = whole | (v - u);
    }
  }
  size_t length = 0;
  for (size_t k = 0; k < num_blocks; ++k) {
    const size_t bits = std::min<size_t>(64, a.size() - 64 * k);
    const uint64_t mask = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    length += static_cast<size_t>(std::popcount(~row[k] & mask));
  }
  return outside + length;
}

}  // namespace gradus::rewards::graders
