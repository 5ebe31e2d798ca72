#include "policy/tokenizer/added_tokens.h"

#include "base/error.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr size_t kMaxNeedleBytes = 4096;

// The code point that ends `text`, which is not empty and well-formed.
char32_t last_code_point(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
  return read_utf8(text.substr(at)).code_point;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && is_word(last_code_point(text));
}

bool starts_with_word(std::string_view text) {
  return !text.empty() && is_word(read_utf8(text).code_point);
}

size_t without_trailing_space(std::string_view text) {
  while (!text.empty()) {
    const char32_t c = last_code_point(text);
    if (!is_white_space(c)) break;
    std::string encoded;
    append_utf8(encoded, c);
    text.remove_suffix(encoded.size());
  }
  return text.size();
}

size_t leading_space(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Step step = read_utf8(text.substr(at));
    if (!is_white_space(step.code_point)) break;
    at += step.length;
  }
  return at;
}

}  // namespace

void AddedTokenMatcher::add(std::string needle, const AddedToken& token) {
  if (needle.empty()) return;
  if (needle.size() > kMaxNeedleBytes) {
    throw Error("added token " + std::to_string(token.id) + " is longer than 4096 bytes");
  }
  begins_[static_cast<uint8_t>(needle[0])] = true;
  uint64_t node = 0;
  for (const char c : needle) {
    const auto [edge, is_new] =
        edges_.try_emplace(node << 8 | static_cast<uint8_t>(c), static_cast<int32_t>(ends_.size()));
    if (is_new) ends_.push_back(-1);
    node = static_cast<uint64_t>(edge->second);
  }
  ends_[node] = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
}

int32_t AddedTokenMatcher::longest_at(std::string_view text, size_t at, size_t* length) const {
  int32_t best = -1;
  uint64_t node = 0;
  for (size_t i = at; i < text.size(); ++i) {
    const auto edge = edges_.find(node << 8 | static_cast<uint8_t>(text[i]));
    if (edge == edges_.end()) break;
    node = static_cast<uint64_t>(edge->second);
    if (ends_[node] < 0) continue;
    best = ends_[node];
    *length = i + 1 - at;
  }
  return best;
}

std::vector<TextSpan> AddedTokenMatcher::split(std::string_view text, bool skip_specials) const {
  std::vector<TextSpan> spans;
  size_t done = 0;
  for (size_t at = 0; at < text.size();) {
    size_t length = 0;
    const int32_t found =
        begins_[static_cast<uint8_t>(text[at])] ? longest_at(text, at, &length) : -1;
    if (found < 0) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[found];
    size_t begin = at;
    size_t end = at + length;
    // A rejected match still hides what begins inside it, as in the reference implementation.
    at = end;
    if (skip_specials && token.special) continue;
    if (token.single_word &&
        (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) {
      continue;
    }
    if (token.lstrip) begin = std::max(without_trailing_space(text.substr(0, begin)), done);
    if (token.rstrip) end += leading_space(text.substr(end));
    if (done < begin) spans.push_back({text.substr(done, begin - done)});
    spans.push_back({{}, token.id});
    done = end;
  }
  if (done < text.size()) spans.push_back({text.substr(done)});
  return spans;
}

}  // namespace gradus::policy
