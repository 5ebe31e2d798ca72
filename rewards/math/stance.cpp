#include "rewards/math/stance.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/ascii.h"
#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

using Words = std::span<const std::string_view>;

constexpr size_t kWindow = 64;  // bytes that are looked at on either side

// Lower case; longer phrases before the words they end with.
constexpr auto kDenials = std::to_array<std::string_view>(
    {// English
     "not", "n't", "cannot", "never", "neither", "nor", "far from", "anything but", "rather than",
     "instead of", "other than", "different from",
     // German, Dutch, Swedish and its kin
     "nicht", "kein", "keine", "nie", "niemals", "weder", "niet", "geen", "nooit", "inte", "icke",
     "ikke", "aldrig", "varken",
     // French, Spanish, Italian, Portuguese
     "pas", "jamais", "est ni", "es ni", "non", "no", "nunca", "jamás", "né", "não", "nem",
     // Russian, Ukrainian, Polish, Finnish
     "не", "ни", "ні", "ani", "ei", "eivät",
     // Indonesian, Vietnamese, Arabic, Turkish
     "bukan", "bukanlah", "tidak", "không", "chẳng", "ليس", "ليست", "غير", "لا",
     // Chinese, Thai
     "不", "非", "没", "沒", "ไม่"});

/// Words that may stand between a denial and what it denies.
constexpr auto kCarriers = std::to_array<std::string_view>(
    {"equal to",   "equals",     "equal",       "exactly",     "quite",  "just",      "even",
     "always",     "ever",       "yet",         "longer",      "be",     "been",      "going to",
     "the number", "the value",  "the same as", "in fact",     "at all", "gleich",    "genau",
     "sein",       "gelijk aan", "lika med",    "är",          "er",     "égale à",   "égal à",
     "exactement", "es",         "igual a",     "ser",         "puede",  "puede ser", "è",
     "uguale a",   "essere",     "può",         "é",           "pode",   "pode ser",  "равен",
     "равна",      "равно",      "равняется",   "является",    "может",  "быть",      "это",
     "дорівнює",   "є",          "може",        "бути",        "jest",   "może",      "być",
     "równa",      "równe",      "ole",         "sama dengan", "adalah", "phải",      "là",
     "bằng",       "thể",        "هو",          "هي",          "يساوي",  "是",        "为",
     "為",         "等于",       "等於",        "会",          "可能",   "能",        "ใช่"});

/// Words before a number that make it the end of a range.
constexpr auto kBounds = std::to_array<std::string_view>(
    {"less than",    "more than",   "greater than", "fewer than", "larger than",
     "smaller than", "bigger than", "higher than",  "lower than", "than or equal to",
     "at least",     "at most",     "up to",        "below",      "above",
     "under",        "over",        "exceeds",      "exceed",     "mindestens",
     "höchstens",    "weniger als", "mehr als",     "größer als", "kleiner als",
     "au moins",     "au plus",     "moins de",     "plus de",    "inférieure à",
     "supérieure à", "inférieur à", "supérieur à",  "al menos",   "por lo menos",
     "como máximo",  "menos de",    "más de",       "menor que",  "mayor que",
     "almeno",       "al massimo",  "meno di",      "più di",     "pelo menos",
     "no máximo",    "mais de",     "maior que",    "больше",     "меньше",
     "более",        "менее",       "більше",       "менше",      "co najmniej",
     "co najwyżej",  "minstens",    "minst",        "大于",       "大於",
     "小于",         "小於"});

/// The same behind it.
constexpr auto kBoundsBehind =
    std::to_array<std::string_view>({"or more", "or less", "or fewer", "or greater", "or higher",
                                     "or larger", "or above", "or below", "以上", "以下", "未満"});

constexpr auto kRelations = std::to_array<std::string_view>(
    {"!=", "=/=", "<>", ">=", "<=",    ">",    "<",     "≥",    "≤",     "≠",
     "≧",  "≦",   "⩾",  "⩽",  "\\neq", "\\ne", "\\geq", "\\ge", "\\leq", "\\le"});

constexpr auto kVerbs =
    std::to_array<std::string_view>({"is", "was", "would be", "are", "ist", "must be"});
constexpr auto kFaults =
    std::to_array<std::string_view>({"wrong", "incorrect", "false", "invalid", "impossible",
                                     "a mistake", "an error", "ruled out", "falsch"});
constexpr auto kDenyingVerbs = std::to_array<std::string_view>(
    {"is not", "isn't", "was not", "wasn't", "cannot be", "can't be", "could not be", "couldn't be",
     "is never", "ist nicht", "is definitely not"});
constexpr auto kMerits = std::to_array<std::string_view>(
    {"correct", "right", "the answer", "the correct", "the right", "the final", "possible", "valid",
     "the solution", "a solution", "true", "richtig"});

/// Denials of other languages behind a number.
constexpr auto kDenialsBehind = std::to_array<std::string_view>({"est faux",
                                                                 "est incorrect",
                                                                 "n'est pas la",
                                                                 "es incorrecto",
                                                                 "es falso",
                                                                 "no es la",
                                                                 "no es correct",
                                                                 "è sbagliat",
                                                                 "non è la",
                                                                 "não é a",
                                                                 "ではな",
                                                                 "ではありません",
                                                                 "じゃな",
                                                                 "でない",
                                                                 "가 아니",
                                                                 "이 아니",
                                                                 "가 아닙",
                                                                 "이 아닙",
                                                                 "은 아니",
                                                                 "는 아니",
                                                                 "नहीं",
                                                                 "değil",
                                                                 "নয়",
                                                                 "نیست",
                                                                 "不是答案",
                                                                 "不对",
                                                                 "是错"});

constexpr auto kCalledWrong = std::to_array<std::string_view>(
    {"wrong", "incorrect", "false", "erroneous", "mistaken", "falsche", "mauvaise", "неправильный",
     "неверный", "yanlış", "错误", "错误的", "잘못된", "誤った", "間違った"});

constexpr auto kDisbeliefs = std::to_array<std::string_view>(
    {"doubt", "n't think", "n't believe", "not think", "not believe", "not the case that"});

constexpr auto kOr = std::to_array<std::string_view>(
    {"or so",  "or",   "oder",  "ou",  "o",    "u",    "oppure", "или",      "або",  "чи",
     "或者是", "或者", "或是",  "或",  "还是", "還是", "または", "もしくは", "か",   "또는",
     "혹은",   "이나", "나",    "या",  "أو",   "veya", "ya da",  "lub",      "albo", "hoặc là",
     "hoặc",   "hay",  "eller", "tai", "atau", "หรือ",  "বা"});

constexpr auto kAnd = std::to_array<std::string_view>({"and", "und", "et",  "y",  "e",   "и",  "та",
                                                       "і",   "和",  "与",  "與", "と",  "और", "و",
                                                       "ve",  "và",  "och", "og", "dan", "และ"});

constexpr auto kNor = std::to_array<std::string_view>(
    {"nor", "noch", "ni", "né", "nem", "ani", "ні", "ни", "eikä", "也不是"});

constexpr auto kHedges = std::to_array<std::string_view>(
    {"maybe",    "perhaps", "possibly", "probably",   "potentially",    "alternatively",
     "might",    "may",     "could",    "vielleicht", "möglicherweise", "peut-être",
     "quizás",   "quizá",   "tal vez",  "forse",      "talvez",         "может быть",
     "возможно", "можливо", "也可能",   "可能",       "也许",           "或许",
     "może",     "có thể",  "kanske",   "misschien",  "ehkä",           "mungkin",
     "belki",    "아마",    "शायद"});

constexpr auto kContrasts = std::to_array<std::string_view>(
    {"but rather", "but",      "rather",   "instead",   "sondern",  "mais plutôt", "mais",
     "plutôt",     "sino",     "pero",     "bensì",     "ma",       "e sim",       "mas",
     "senão",      "а",        "но",       "але",       "lecz",     "ale",         "tylko",
     "而是",       "utan",     "men",      "maar",      "vaan",     "melainkan",   "tetapi",
     "tapi",       "mà là",    "mà",       "بل",        "بلکه",     "बल्कि",        "नहीं",
     "değil",      "ではなく", "じゃなく", "가 아니라", "이 아니라"});

/// Words around a second answer that say nothing of their own.
constexpr auto kPronouns = std::to_array<std::string_view>(
    {"it is", "it's", "it should be", "should be", "that is", "that's", "it",
     "is",    "be",   "also",         "even",      "else",    "either", "can",
     "es",    "est",  "ist",          "è",         "это",     "是",     "为"});

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
  return word_at_start(rest, kBoundsBehind) > 0 ? Stance::bounded : Stance::stated;
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

constexpr auto kAlternatives =
    std::to_array<std::string_view>({"alternatively", "or maybe", "or perhaps", "or possibly", "or",
                                     "maybe", "perhaps", "possibly", "oder"});
/// A bare "no" may be the "not" of another language: "5, no 6".
constexpr auto kCorrections = std::to_array<std::string_view>(
    {"no wait",    "wait no",    "wait",         "actually",
     "correction", "no,",        "no:",          "no.",
     "oops",       "sorry",      "scratch that", "hmm",
     "i mean",     "hold on",    "rather",       "on second thought",
     "nein,",      "nein:",      "nein.",        "warte",
     "korrektur",  "non,",       "non:",         "non.",
     "attendez",   "corrección", "espera",       "correzione",
     "aspetta",    "correção",   "нет,",         "нет:",
     "нет.",       "подождите",  "исправление",  "不对",
     "等等",       "更正",       "訂正",         "아니"});
constexpr auto kRestatements = std::to_array<std::string_view>(
    {"it is", "it's", "it should be", "should be", "that should be", "the answer is",
     "the correct answer is", "the right answer is", "that's", "that is", "it must be", "make that",
     "it could be", "could be", "it might be", "might be", "es ist", "c'est", "是"});
constexpr auto kRetractions = std::to_array<std::string_view>(
    {"that's wrong", "that is wrong", "this is wrong", "it is wrong", "it's wrong",
     "that was wrong", "that's incorrect", "that is incorrect", "this is incorrect",
     "that's not right", "that is not right", "that isn't right", "that's not correct",
     "that is not correct", "that can't be right", "that cannot be right", "i made a mistake",
     "i made an error"});

}  // namespace

Link link_between(std::string_view between) {
  if (between.empty() || between.size() > kWindow) return {};
  return LinkReader(simplified(between)).read();
}

Sequel sequel_in(std::string_view rest) {
  constexpr std::string_view kMarks = " .,:;!?\n\r\t*_-()";
  // Byte for byte as long as `rest`, for the length that is returned.
  const std::string lower = lower_case(rest.substr(0, kWindow));
  std::string_view at = lower;
  const auto skip = [&] {
    for (bool moved = true; moved;) {
      moved = false;
      for (const std::string_view dash : {"—", "–", "…", "。", "，", "："}) {
        if (!at.starts_with(dash)) continue;
        at.remove_prefix(dash.size());
        moved = true;
      }
      if (at.empty() || kMarks.find(at.front()) == std::string_view::npos) continue;
      // A sign of the number is no dash.
      if (at.front() == '-' && at.size() > 1 && is_digit(at[1])) return;
      at.remove_prefix(1);
      moved = true;
    }
  };
  Sequel sequel;
  const auto pass = [&](Words words) {
    const size_t size = word_at_start(at, words);
    at.remove_prefix(size);
    if (size > 0) skip();
    return size > 0;
  };
  skip();
  for (bool moved = true; moved;) {
    moved = false;
    if (pass(kCorrections)) {
      sequel.kind = Sequel::Kind::correction;
      moved = true;
    } else if (pass(kAlternatives)) {
      if (sequel.kind == Sequel::Kind::none) sequel.kind = Sequel::Kind::alternative;
      moved = true;
    }
  }
  if (word_at_start(at, kRetractions) > 0) return {Sequel::Kind::retraction, 0};
  if (sequel.kind == Sequel::Kind::none) return sequel;
  while (pass(kRestatements)) {
  }
  sequel.length = lower.size() - at.size();
  sequel.answers_question = rest.starts_with('?') && sequel.kind == Sequel::Kind::correction;
  return sequel;
}

}  // namespace gradus::rewards::math
