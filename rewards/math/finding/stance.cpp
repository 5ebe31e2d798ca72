#include "rewards/math/finding/stance.h"

#include <algorithm>
#include <span>
#include <string>

#include "base/ascii.h"
#include "rewards/math/finding/stance_words.h"
#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

using Words = std::span<const std::string_view>;

constexpr size_t kWindow = 64;  // bytes that are looked at on either side

/// Other scripts are written without spaces, or join their particles to the word before.
bool needs_boundary(std::string_view word) {
  const auto lead = static_cast<unsigned char>(word.front());
  return lead < 0xE0 || (lead == 0xE0 && static_cast<unsigned char>(word[1]) < 0xB8);
}

bool is_word_byte(char c) {
  return is_letter_or_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}

/// In lower case, with the plain apostrophe.
std::string simplified(std::string_view text) {
  constexpr std::string_view kApostrophe = "’";
  std::string simple;
  simple.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool is_apostrophe = c == kApostrophe[0] && text.substr(at, 3) == kApostrophe;
    if (is_apostrophe) at += kApostrophe.size() - 1;
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    simple.push_back(is_apostrophe ? '\'' : lower);
  }
  return simple;
}

std::string before(std::string_view text, size_t at) {
  const size_t begin = at > kWindow ? at - kWindow : 0;
  return simplified(text.substr(begin, at - begin));
}

/// White space, Markdown, quotes and the delimiters of mathematics.
constexpr std::string_view kDressing = " \t*_\"`$~";

void trim_end(std::string_view& text) {
  while (!text.empty()) {
    if (text.ends_with("\\(")) {
      text.remove_suffix(2);
    } else if (kDressing.find(text.back()) != std::string_view::npos) {
      text.remove_suffix(1);
    } else {
      return;
    }
  }
}

void trim_start(std::string_view& text) {
  while (!text.empty()) {
    if (text.starts_with("\\)")) {
      text.remove_prefix(2);
    } else if (kDressing.find(text.front()) != std::string_view::npos) {
      text.remove_prefix(1);
    } else {
      return;
    }
  }
}

bool ends_with_word(std::string_view text, std::string_view word) {
  if (text.empty() || text.back() != word.back() || !text.ends_with(word)) return false;
  if (word.starts_with("n't")) return true;
  return text.size() == word.size() || !needs_boundary(word) ||
         !is_word_byte(text[text.size() - word.size() - 1]);
}

bool starts_with_word(std::string_view text, std::string_view word) {
  if (text.empty() || text.front() != word.front() || !text.starts_with(word)) return false;
  return text.size() == word.size() || !needs_boundary(word) || !is_word_byte(text[word.size()]);
}

bool ends_with_any(std::string_view text, Words words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return ends_with_word(text, word); });
}

/// The longest of the words that the text starts with; 0: none.
size_t word_at_start(std::string_view text, Words words) {
  size_t longest = 0;
  for (const std::string_view word : words) {
    if (word.size() > longest && starts_with_word(text, word)) longest = word.size();
  }
  return longest;
}

bool drop_first(std::string_view& text, Words words) {
  const size_t size = word_at_start(text, words);
  text.remove_prefix(size);
  if (size > 0) trim_start(text);
  return size > 0;
}

/// Takes a carrier, or an adverb in -ly, off the end.
bool drop_carrier(std::string_view& text) {
  for (const std::string_view word : kCarriers) {
    if (!ends_with_word(text, word)) continue;
    text.remove_suffix(word.size());
    return true;
  }
  if (!text.ends_with("ly")) return false;
  while (!text.empty() && is_letter(text.back())) text.remove_suffix(1);
  return true;
}

/// "<b>5": the end of a tag; "-> 5": of an arrow; "> 5" at the start of a line: a quotation.
bool is_no_relation(std::string_view text) {
  if (!text.ends_with('>')) return false;
  text.remove_suffix(1);
  if (text.ends_with('-') || text.ends_with('=')) return true;
  const size_t line = text.rfind('\n');
  const std::string_view head = text.substr(line == std::string_view::npos ? 0 : line + 1);
  if (head.find_first_not_of("> ") == std::string_view::npos) return true;
  const size_t open = text.rfind('<');
  return open != std::string_view::npos && open + 1 < text.size() &&
         (is_letter(text[open + 1]) || text[open + 1] == '/' || text[open + 1] == '|');
}

/// "x > 5" and "is > 5", but not "4 < 5", which compares two numbers.
bool ends_with_relation(std::string_view text) {
  if (is_no_relation(text)) return false;
  for (const std::string_view sign : kRelations) {
    if (!text.ends_with(sign)) continue;
    text.remove_suffix(sign.size());
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text.empty() || !is_digit(text.back());
  }
  return false;
}

/// "is wrong", "isn't the answer", "ではない".
bool starts_with_denial(std::string_view text) {
  std::string_view rest = text;
  if (drop_first(rest, kDenyingVerbs)) return word_at_start(rest, kMerits) > 0;
  if (drop_first(rest, kVerbs)) return word_at_start(rest, kFaults) > 0;
  return std::any_of(kDenialsBehind.begin(), kDenialsBehind.end(),
                     [&](std::string_view denial) { return text.starts_with(denial); });
}

Stance stance_behind(std::string_view text) {
  const std::string behind = simplified(text.substr(0, kWindow));
  std::string_view rest = behind;
  trim_start(rest);
  if (starts_with_denial(rest)) return Stance::denied;
  if (word_at_start(rest, kBoundsBehind) > 0) return Stance::bounded;
  const bool compares = drop_first(rest, kComparisons) && !rest.empty() && is_digit(rest[0]);
  return compares ? Stance::bounded : Stance::stated;
}

}  // namespace

Stance stance_of(std::string_view text, size_t begin, size_t end) {
  const std::string head = before(text, begin);
  std::string_view rest = head;
  trim_end(rest);
  if (ends_with_relation(rest)) return Stance::related;
  if (ends_with_any(rest, kBounds)) return Stance::bounded;
  constexpr int kMaxCarriers = 5;
  for (int i = 0; i <= kMaxCarriers; ++i) {
    if (ends_with_any(rest, kDenials)) return Stance::denied;
    if (!drop_carrier(rest)) break;
    trim_end(rest);
  }
  return stance_behind(text.substr(end));
}

bool is_called_negative(std::string_view text, size_t begin) {
  const std::string head = before(text, begin);
  std::string_view rest = head;
  trim_end(rest);
  size_t size = 0;
  for (const std::string_view word : {"minus", "negative"}) {
    if (ends_with_word(rest, word)) size = word.size();
  }
  if (size == 0) return false;
  rest.remove_suffix(size);
  while (rest.ends_with(' ')) rest.remove_suffix(1);
  // "7 minus 5" is a difference.
  return rest.empty() || !(is_digit(rest.back()) || rest.back() == ')' || rest.back() == '$');
}

bool is_called_wrong(std::string_view text, size_t begin) {
  const std::string head = before(text, begin);
  std::string_view rest = head;
  trim_end(rest);
  if (ends_with_any(rest, kDisbeliefs)) return true;
  // "It would be wrong to say that the answer is 5."
  for (bool moved = true; moved;) {
    moved = false;
    for (const std::string_view word : {"the", "that", "to say", "to think", "to claim"}) {
      if (!ends_with_word(rest, word)) continue;
      rest.remove_suffix(word.size());
      trim_end(rest);
      moved = true;
    }
  }
  if (ends_with_any(rest, kDisbeliefs)) return true;
  for (const std::string_view word : kCalledWrong) {
    if (!ends_with_word(rest, word)) continue;
    rest.remove_suffix(word.size());
    trim_end(rest);
    return !ends_with_any(rest, kDenials);  // "if I am not wrong the answer is"
  }
  return false;
}

namespace {

/// Reads the text between two answers as joining words and nothing else.
class LinkReader {
 public:
  explicit LinkReader(std::string_view text) : rest_(text) {}

  Link read() && {
    trim_start(rest_);
    while (!rest_.empty()) {
      if (!one()) return {};
      trim_start(rest_);
    }
    const bool is_hedge = has_hedge_ && (has_joint_ || has_pause_ || has_contrast_);
    const bool is_plain = has_joint_ && !has_contrast_ && (has_or_ || !has_pronoun_);
    Link link;
    link.adds = !has_nor_ && (is_hedge || is_plain || (has_or_ && !has_contrast_));
    link.offers = link.adds && has_or_;
    link.shares_denial = link.adds || has_nor_;
    link.replaces = has_contrast_ || (has_pronoun_ && (has_joint_ || has_pause_) && !has_or_);
    return link;
  }

 private:
  bool one() {
    if (sign({",", "/", "，", "、", "،"})) return has_joint_ = true;
    if (sign({";", "(", "；", "（", "—", "–", "…"})) return has_pause_ = true;
    if (word(kOr)) return has_or_ = has_joint_ = true;
    if (word(kAnd)) return has_joint_ = true;
    if (word(kNor)) return has_nor_ = true;
    if (word(kContrasts)) return has_contrast_ = true;
    if (word(kHedges)) return has_hedge_ = true;
    if (word(kPronouns)) return has_pronoun_ = true;
    return false;
  }

  bool sign(std::initializer_list<std::string_view> signs) {
    for (const std::string_view sign : signs) {
      if (!rest_.starts_with(sign)) continue;
      rest_.remove_prefix(sign.size());
      return true;
    }
    return false;
  }

  bool word(Words words) {
    const size_t size = word_at_start(rest_, words);
    rest_.remove_prefix(size);
    return size > 0;
  }

  std::string_view rest_;
  bool has_joint_ = false;
  bool has_pause_ = false;
  bool has_or_ = false;
  bool has_nor_ = false;
  bool has_contrast_ = false;
  bool has_hedge_ = false;
  bool has_pronoun_ = false;
};

/// Reads "No wait, it is" up to the other answer.
class SequelReader {
 public:
  // Byte for byte as long as the text, for the length that is returned.
  explicit SequelReader(std::string_view text)
      : lower_(lower_case(text.substr(0, kWindow))), rest_(lower_) {}

  Sequel read() && {
    Sequel sequel;
    skip_marks();
    sequel.kind = markers();
    if (word_at_start(simplified(rest_), kRetractions) > 0) return {Sequel::Kind::retraction};
    if (sequel.kind == Sequel::Kind::none) return sequel;
    while (pass(kRestatements)) {
    }
    sequel.length = lower_.size() - rest_.size();
    sequel.answers_question = lower_.starts_with('?') && sequel.kind == Sequel::Kind::correction;
    return sequel;
  }

 private:
  Sequel::Kind markers() {
    bool corrects = false;
    bool offers = false;
    while (true) {
      if (pass(kCorrections)) {
        corrects = true;
      } else if (pass(kAlternatives)) {
        offers = true;
      } else if (corrects) {
        return Sequel::Kind::correction;
      } else {
        return offers ? Sequel::Kind::alternative : Sequel::Kind::none;
      }
    }
  }

  bool pass(Words words) {
    const size_t size = word_at_start(rest_, words);
    rest_.remove_prefix(size);
    if (size > 0) skip_marks();
    return size > 0;
  }

  void skip_marks() {
    while (const size_t size = mark_at_start()) rest_.remove_prefix(size);
  }

  size_t mark_at_start() const {
    for (const std::string_view mark : {"—", "–", "…", "。", "，", "："}) {
      if (rest_.starts_with(mark)) return mark.size();
    }
    constexpr std::string_view kMarks = " .,:;!?\n\r\t*_-()";
    if (rest_.empty() || kMarks.find(rest_.front()) == std::string_view::npos) return 0;
    // A sign of the number is no dash.
    return rest_.front() == '-' && rest_.size() > 1 && is_digit(rest_[1]) ? 0 : 1;
  }

  std::string lower_;
  std::string_view rest_;
};

}  // namespace

Link link_between(std::string_view between) {
  if (between.empty() || between.size() > kWindow) return {};
  return LinkReader(simplified(between)).read();
}

Sequel sequel_in(std::string_view rest) {
  return SequelReader(rest).read();
}

}  // namespace gradus::rewards::math
