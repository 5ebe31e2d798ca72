#include "policy/tokenizer/canonical_pattern.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace gradus::policy {
namespace {

/// The length of the escape, character of UTF-8 or byte at the beginning of `text`.
size_t unit_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first == '\\' && text.size() > 1) {
    const bool has_braces = text.size() > 2 && text[2] == '{';
    const size_t end = has_braces ? text.find('}') : std::string_view::npos;
    return end == std::string_view::npos ? 2 : end + 1;
  }
  size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  return std::min(length, text.size());
}

std::string spelled(std::string_view unit) {
  if (unit == "\r") return "\\r";
  if (unit == "\n") return "\\n";
  if (unit == "\t") return "\\t";
  return std::string(unit);
}

/// Reads a class behind its opening bracket, up to and with the closing one.
class ClassReader {
 public:
  explicit ClassReader(std::string_view text) : text_(text) {}

  /// Empty where it is not a plain list of members.
  std::string sorted() {
    const bool is_negated = take("^");
    std::vector<std::string> members;
    while (!text_.empty() && text_.front() != ']') {
      if (text_.front() == '[' || text_.starts_with("&&")) return {};
      std::string member = unit();
      if (text_.size() > 2 && text_[0] == '-' && text_[1] != ']') {
        text_.remove_prefix(1);
        member += "-" + unit();
      }
      members.push_back(std::move(member));
    }
    if (!take("]")) return {};
    std::ranges::sort(members);
    std::string result = is_negated ? "[^" : "[";
    for (const std::string& member : members) result += member;
    return result + "]";
  }
  std::string_view rest() const { return text_; }

 private:
  bool take(std::string_view prefix) {
    if (!text_.starts_with(prefix)) return false;
    text_.remove_prefix(prefix.size());
    return true;
  }
  std::string unit() {
    const size_t length = unit_length(text_);
    std::string result = spelled(text_.substr(0, length));
    text_.remove_prefix(length);
    return result;
  }

  std::string_view text_;
};

std::string with_sorted_classes(std::string_view pattern) {
  std::string result;
  while (!pattern.empty()) {
    if (pattern.front() == '[') {
      ClassReader reader(pattern.substr(1));
      if (std::string members = reader.sorted(); !members.empty()) {
        result += members;
        pattern = reader.rest();
        continue;
      }
    }
    const size_t length = unit_length(pattern);
    result += spelled(pattern.substr(0, length));
    pattern.remove_prefix(length);
  }
  return result;
}

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

/// Spellings of one thing, the second the one that is kept; the first may be met in the wild.
constexpr std::pair<const char*, const char*> kSpellings[] = {
    {R"('(?i:[sdmt]|ll|ve|re))", R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"},
    {R"((?i:'(?:[sdmt]|ll|ve|re)))", R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"},
    {R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]))",
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d))"},
    {R"('(?:[sdmt]|ll|ve|re))", R"('s|'t|'re|'ve|'m|'ll|'d)"},
    // Possessive where giving back could not help: what follows cannot match what was taken.
    {R"([^\r\n\p{L}\p{N}]?+\p{L}+)", R"([^\r\n\p{L}\p{N}]?\p{L}+)"},
    {R"([^\s\p{L}\p{N}]++[\r\n]*)", R"([^\s\p{L}\p{N}]+[\r\n]*)"},
    {R"(\p{N}{1,3}+|)", R"(\p{N}{1,3}|)"},
    // White space up to its last line end, either way.
    {R"(|\s*[\r\n]|)", R"(|\s*[\r\n]+|)"},
};

}  // namespace

std::string canonical_pattern(std::string_view pattern) {
  std::string result = with_sorted_classes(pattern);
  for (const auto& [from, to] : kSpellings) {
    replace_all(result, with_sorted_classes(from), with_sorted_classes(to));
  }
  return result;
}

bool covers_all_text(std::string_view canonical) {
  const auto holds = [&](const char* part) {
    return canonical.find(with_sorted_classes(part)) != std::string_view::npos;
  };
  const bool has_words = holds(R"(\p{L}+|)") || (holds(R"([\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)") &&
                                                 holds(R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"));
  const bool has_numbers = holds(R"(|\p{N}|)") || holds(R"(|\p{N}{1,3}|)") || holds(R"( ?\p{N}+|)");
  return has_words && has_numbers && holds(R"(| ?[^\s\p{L}\p{N}]+)") &&
         canonical.ends_with(R"(|\s+)");
}

}  // namespace gradus::policy
