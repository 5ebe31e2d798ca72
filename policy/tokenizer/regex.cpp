#define PCRE2_CODE_UNIT_WIDTH 8
#include "policy/tokenizer/regex.h"

#include <pcre2.h>

#include <algorithm>

#include "base/error.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr size_t kMaxPatternBytes = 64 << 10;
// PCRE2 bounds the steps of a match at each place where one may begin and does not tell how many it
// took: matches are tried with few steps at some places together, then, where those were not
// enough, at each place alone with ever more, and what the vain tries took is paid from the text's
// budget. Patterns of known models match in the first try, but for words and blanks of a thousand
// characters.
constexpr size_t kStartsOfTry = 64;
constexpr uint32_t kFirstLimit = 1'000;
constexpr uint32_t kLimitFactor = 16;
constexpr uint32_t kMatchLimit = 20'000'000;
constexpr int64_t kStepsOfText = 5'000'000;
constexpr int64_t kStepsOfByte = 100;
constexpr uint32_t kHeapLimitKib = 512 << 10;
constexpr size_t kJitStackBytes = 1 << 20;

// White_Space and its complement as members of a class.
constexpr char kSpace[] =
    R"(\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000})";
constexpr char kNotSpace[] =
    R"(\x{0}-\x{8}\x{e}-\x{1f}\x{21}-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff})"
    R"(\x{200b}-\x{2027}\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff})";
constexpr char kWord[] =
    R"(\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";
// Outside of a class Oniguruma counts more of Latin-1 among them.
constexpr char kWordAlone[] =
    R"(\x{b2}\x{b3}\x{b9}\x{bc}-\x{be}\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\x{24b6}-\x{24e9}\x{1f130}-\x{1f149}\x{1f150}-\x{1f169}\x{1f170}-\x{1f189})";

// Rewrites Oniguruma's dialect as PCRE2's. Only what differs is looked at; the rest is copied.
class Translator {
 public:
  explicit Translator(std::string_view pattern) : in_(pattern) {}

  std::string run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape(/*in_class=*/false);
      } else if (c == '[') {
        ++at_;
        out_ += '[';
        class_body();
      } else {
        out_ += c;
        ++at_;
      }
    }
    return std::move(out_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error("regex '" + std::string(in_) + "', byte " + std::to_string(at_) + ": " + what);
  }

  void escape(bool in_class) {
    if (at_ + 1 >= in_.size()) refuse("ends with a lone backslash");
    const char c = in_[at_ + 1];
    const auto members = [&](const char* inside) {
      out_ += in_class ? inside : "[" + std::string(inside) + "]";
      at_ += 2;
    };
    switch (c) {
      case 's':
        return members(kSpace);
      case 'S':
        return members(kNotSpace);
      case 'w':
        return members(in_class ? kWord : kWordAlone);
      case 'h':
        return members("0-9a-fA-F");
      case 'W':
      case 'H':
        if (in_class) refuse(std::string("\\") + c + " inside a class is not supported");
        out_ += c == 'W' ? "[^" + std::string(kWordAlone) + "]" : "[^0-9a-fA-F]";
        at_ += 2;
        return;
      case 'Q':
      case 'E':
        // Quoting in PCRE2, plain letters in Oniguruma.
        out_ += c;
        at_ += 2;
        return;
      default:
        out_.append(in_.substr(at_, 2));
        at_ += 2;
    }
  }

  // After the opening bracket; copies up to and with the closing one.
  void class_body() {
    int depth = 1;
    if (at_ < in_.size() && in_[at_] == '^') {
      out_ += '^';
      ++at_;
    }
    if (at_ < in_.size() && in_[at_] == ']') {
      out_ += "\\]";
      ++at_;
    }
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape(/*in_class=*/true);
      } else if (in_.substr(at_, 2) == "&&") {
        refuse("an intersection of classes (&&) is not supported");
      } else if (in_.substr(at_, 2) == "[:") {
        const size_t end = in_.find(":]", at_);
        if (end == std::string_view::npos) refuse("a POSIX class is not closed");
        const auto name = in_.substr(at_, end + 2 - at_);
        if (name == "[:word:]") {
          out_ += kWord;
        } else if (name == "[:punct:]") {
          out_ += R"(\p{P}\p{S})";
        } else {
          out_.append(name);
        }
        at_ = end + 2;
      } else if (c == '[') {
        if (in_.substr(at_, 2) == "[^") refuse("a negated class inside a class is not supported");
        ++depth;  // a union: the inner brackets fall away
        ++at_;
      } else if (c == ']') {
        ++at_;
        if (--depth == 0) {
          out_ += ']';
          return;
        }
      } else {
        out_ += c;
        ++at_;
      }
    }
    refuse("a class is not closed");
  }

  std::string_view in_;
  size_t at_ = 0;
  std::string out_;
};

std::string pcre2_message(int code) {
  PCRE2_UCHAR buffer[256];
  pcre2_get_error_message(code, buffer, sizeof buffer);
  return reinterpret_cast<const char*>(buffer);
}

// Scratch of one thread's matching; PCRE2 allows one thread at a time to use each of these.
struct MatchScratch {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, kJitStackBytes, nullptr);

  MatchScratch() {
    if (data == nullptr || context == nullptr) throw std::bad_alloc();
    pcre2_set_heap_limit(context, kHeapLimitKib);
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~MatchScratch() {
    pcre2_jit_stack_free(stack);
    pcre2_match_context_free(context);
    pcre2_match_data_free(data);
  }
  MatchScratch(const MatchScratch&) = delete;
  MatchScratch& operator=(const MatchScratch&) = delete;
};

}  // namespace

struct Regex::Code {
  explicit Code(pcre2_code* c) : code(c) {}
  ~Code() { pcre2_code_free(code); }
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  pcre2_code* code;
};

Regex::Regex(std::string pattern) : pattern_(std::move(pattern)) {
  if (pattern_.size() > kMaxPatternBytes) throw Error("a regex is longer than 64 KiB");
  if (!is_valid_utf8(pattern_)) throw Error("a regex is not valid UTF-8");
  const std::string translated = Translator(pattern_).run();
  int error = 0;
  PCRE2_SIZE offset = 0;
  pcre2_code* code = pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_USE_OFFSET_LIMIT,
      &error, &offset, nullptr);
  if (code == nullptr) {
    throw Error("regex '" + pattern_ + "' is not usable: " + pcre2_message(error) + " near '" +
                to_valid_utf8(std::string_view(translated).substr(0, offset)) + "'");
  }
  code_ = std::make_unique<Code>(code);
  pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without a JIT the interpreter does the work
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

Regex Regex::literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80 && !std::isalnum(static_cast<unsigned char>(c))) {
      // By number: a raw control character or blank after a backslash is not portable.
      static constexpr char kHex[] = "0123456789abcdef";
      escaped += {'\\', 'x', '{', kHex[c >> 4 & 15], kHex[c & 15], '}'};
    } else {
      escaped += c;
    }
  }
  return Regex(std::move(escaped));
}

namespace {

/// Tries a match that begins at `first` or behind it, at `last` at most, with `limit` steps for
/// each beginning.
int match_once(const pcre2_code* code, std::string_view text, size_t first, size_t last,
               uint32_t limit, MatchScratch& scratch) {
  pcre2_set_match_limit(scratch.context, limit);
  pcre2_set_offset_limit(scratch.context, last);
  const auto subject = reinterpret_cast<PCRE2_SPTR>(text.data());
  const int rc = pcre2_match(code, subject, text.size(), first, PCRE2_NO_UTF_CHECK, scratch.data,
                             scratch.context);
  if (rc != PCRE2_ERROR_JIT_STACKLIMIT) return rc;
  return pcre2_match(code, subject, text.size(), first, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                     scratch.data, scratch.context);
}

size_t next_character(std::string_view text, size_t at) {
  do ++at;
  while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80);
  return at;
}

/// A match that begins at `at`, with as many steps as it takes.
/// @param budget  steps that are left for the text; what vain tries took is taken from it.
int match_at(const pcre2_code* code, std::string_view text, size_t at, int64_t& budget,
             MatchScratch& scratch) {
  for (uint32_t limit = kFirstLimit;; limit = std::min(limit * kLimitFactor, kMatchLimit)) {
    const int rc = match_once(code, text, at, at, limit, scratch);
    if (rc != PCRE2_ERROR_MATCHLIMIT || limit == kMatchLimit) return rc;
    budget -= limit;
    if (budget < 0) return rc;
  }
}

/// The first match that begins at `from` or behind it.
int next_match(const pcre2_code* code, std::string_view text, size_t from, int64_t& budget,
               MatchScratch& scratch) {
  for (size_t first = from;;) {
    const size_t last = std::min(text.size(), first + kStartsOfTry - 1);
    int rc = match_once(code, text, first, last, kFirstLimit, scratch);
    if (rc == PCRE2_ERROR_MATCHLIMIT) {
      rc = PCRE2_ERROR_NOMATCH;
      for (size_t at = first; at <= last && rc == PCRE2_ERROR_NOMATCH;
           at = next_character(text, at))
        rc = match_at(code, text, at, budget, scratch);
    }
    if (rc != PCRE2_ERROR_NOMATCH || last == text.size()) return rc;
    first = next_character(text, last);
  }
}

}  // namespace

std::vector<TextRange> Regex::find_all(std::string_view text) const {
  static thread_local MatchScratch scratch;
  std::vector<TextRange> found;
  size_t from = 0;
  size_t last_end = std::string_view::npos;
  int64_t budget = kStepsOfText + kStepsOfByte * static_cast<int64_t>(text.size());
  while (from <= text.size()) {
    const int rc = next_match(code_->code, text, from, budget, scratch);
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0) {
      throw Error("regex '" + pattern_ + "' gave up on a text of " + std::to_string(text.size()) +
                  " bytes: " + pcre2_message(rc));
    }
    const PCRE2_SIZE* range = pcre2_get_ovector_pointer(scratch.data);
    const TextRange match{range[0], range[1]};
    if (match.begin > match.end) throw Error("regex '" + pattern_ + "': \\K is not supported");
    if (match.begin == match.end && match.end == last_end) {
      if (from >= text.size()) break;
      from += read_utf8(text.substr(from)).length;
      continue;
    }
    found.push_back(match);
    from = last_end = match.end;
  }
  return found;
}

}  // namespace gradus::policy
