#include "rewards/math/reading/normalize.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ascii.h"
#include "base/utf8.h"

namespace gradus::rewards::math {
namespace {

struct Spelling {
  uint32_t point;
  const char* text;
};

// Sorted by code point.
constexpr std::array kSpellings{
    Spelling{0x00A0, "\\,"},
    Spelling{0x00A2, " cents"},
    Spelling{0x00A3, "\\$"},
    Spelling{0x00A5, "\\$"},
    Spelling{0x00AC, "\\neg "},
    Spelling{0x00AD, ""},
    Spelling{0x00B0, "^\\circ "},
    Spelling{0x00B1, "\\pm "},
    Spelling{0x00B5, "\\mu "},
    Spelling{0x00B7, "\\cdot "},
    Spelling{0x00BA, "^\\circ "},
    Spelling{0x00BC, "\\frac{1}{4}"},
    Spelling{0x00BD, "\\frac{1}{2}"},
    Spelling{0x00BE, "\\frac{3}{4}"},
    Spelling{0x00D7, "\\times "},
    Spelling{0x00F7, "/"},
    Spelling{0x02DA, "^\\circ "},
    Spelling{0x0391, "A"},
    Spelling{0x0392, "B"},
    Spelling{0x0393, "\\Gamma "},
    Spelling{0x0394, "\\Delta "},
    Spelling{0x0398, "\\Theta "},
    Spelling{0x039B, "\\Lambda "},
    Spelling{0x039E, "\\Xi "},
    Spelling{0x03A0, "\\Pi "},
    Spelling{0x03A3, "\\Sigma "},
    Spelling{0x03A6, "\\Phi "},
    Spelling{0x03A8, "\\Psi "},
    Spelling{0x03A9, "\\Omega "},
    Spelling{0x03B1, "\\alpha "},
    Spelling{0x03B2, "\\beta "},
    Spelling{0x03B3, "\\gamma "},
    Spelling{0x03B4, "\\delta "},
    Spelling{0x03B5, "\\epsilon "},
    Spelling{0x03B6, "\\zeta "},
    Spelling{0x03B7, "\\eta "},
    Spelling{0x03B8, "\\theta "},
    Spelling{0x03B9, "\\iota "},
    Spelling{0x03BA, "\\kappa "},
    Spelling{0x03BB, "\\lambda "},
    Spelling{0x03BC, "\\mu "},
    Spelling{0x03BD, "\\nu "},
    Spelling{0x03BE, "\\xi "},
    Spelling{0x03C0, "\\pi "},
    Spelling{0x03C1, "\\rho "},
    Spelling{0x03C3, "\\sigma "},
    Spelling{0x03C4, "\\tau "},
    Spelling{0x03C6, "\\phi "},
    Spelling{0x03C7, "\\chi "},
    Spelling{0x03C8, "\\psi "},
    Spelling{0x03C9, "\\omega "},
    Spelling{0x03D1, "\\vartheta "},
    Spelling{0x03D5, "\\phi "},
    Spelling{0x03F5, "\\epsilon "},
    Spelling{0x060C, ", "},
    Spelling{0x066A, "%"},
    Spelling{0x066B, "."},
    Spelling{0x066C, ","},
    Spelling{0x2018, "'"},
    Spelling{0x2019, "'"},
    Spelling{0x201C, "\""},
    Spelling{0x201D, "\""},
    Spelling{0x2026, "\\ldots "},
    Spelling{0x2032, "'"},
    Spelling{0x2033, "''"},
    Spelling{0x2044, "/"},
    Spelling{0x2061, ""},
    Spelling{0x2062, ""},
    Spelling{0x20A9, "\\$"},
    Spelling{0x20AC, "\\$"},
    Spelling{0x20B9, "\\$"},
    Spelling{0x20BD, "\\$"},
    Spelling{0x2102, "\\mathbb{C}"},
    Spelling{0x2115, "\\mathbb{N}"},
    Spelling{0x211A, "\\mathbb{Q}"},
    Spelling{0x211D, "\\mathbb{R}"},
    Spelling{0x2124, "\\mathbb{Z}"},
    Spelling{0x2153, "\\frac{1}{3}"},
    Spelling{0x2154, "\\frac{2}{3}"},
    Spelling{0x2155, "\\frac{1}{5}"},
    Spelling{0x2156, "\\frac{2}{5}"},
    Spelling{0x2157, "\\frac{3}{5}"},
    Spelling{0x2158, "\\frac{4}{5}"},
    Spelling{0x2159, "\\frac{1}{6}"},
    Spelling{0x215A, "\\frac{5}{6}"},
    Spelling{0x215B, "\\frac{1}{8}"},
    Spelling{0x215C, "\\frac{3}{8}"},
    Spelling{0x215D, "\\frac{5}{8}"},
    Spelling{0x215E, "\\frac{7}{8}"},
    Spelling{0x2190, "\\leftarrow "},
    Spelling{0x2192, "\\to "},
    Spelling{0x21D2, "\\Rightarrow "},
    Spelling{0x21D4, "\\Leftrightarrow "},
    Spelling{0x2205, "\\emptyset "},
    Spelling{0x2206, "\\Delta "},
    Spelling{0x2208, "\\in "},
    Spelling{0x2209, "\\notin "},
    Spelling{0x2211, "\\sum "},
    Spelling{0x2212, "-"},
    Spelling{0x2213, "\\mp "},
    Spelling{0x2215, "/"},
    Spelling{0x2216, "\\setminus "},
    Spelling{0x2217, "*"},
    Spelling{0x2219, "\\cdot "},
    Spelling{0x221A, "\\sqrt "},
    Spelling{0x221B, "\\sqrt[3] "},
    Spelling{0x221C, "\\sqrt[4] "},
    Spelling{0x221E, "\\infty "},
    Spelling{0x2220, "\\angle "},
    Spelling{0x2223, "|"},
    Spelling{0x2227, "\\land "},
    Spelling{0x2228, "\\lor "},
    Spelling{0x2229, "\\cap "},
    Spelling{0x222A, "\\cup "},
    Spelling{0x222B, "\\int "},
    Spelling{0x2236, ":"},
    Spelling{0x223C, "\\sim "},
    Spelling{0x2245, "\\cong "},
    Spelling{0x2248, "\\approx "},
    Spelling{0x2260, "\\neq "},
    Spelling{0x2261, "\\equiv "},
    Spelling{0x2264, "\\le "},
    Spelling{0x2265, "\\ge "},
    Spelling{0x2266, "\\le "},
    Spelling{0x2267, "\\ge "},
    Spelling{0x2282, "\\subset "},
    Spelling{0x2286, "\\subseteq "},
    Spelling{0x22C5, "\\cdot "},
    Spelling{0x22EF, "\\ldots "},
    Spelling{0x2308, "\\lceil "},
    Spelling{0x2309, "\\rceil "},
    Spelling{0x230A, "\\lfloor "},
    Spelling{0x230B, "\\rfloor "},
    Spelling{0x27E8, "\\langle "},
    Spelling{0x27E9, "\\rangle "},
    Spelling{0x2A7D, "\\le "},
    Spelling{0x2A7E, "\\ge "},
    Spelling{0x3000, " "},
    Spelling{0x3001, ", "},
    Spelling{0x3002, ". "},
    Spelling{0xFE62, "+"},
    Spelling{0xFE63, "-"},
    Spelling{0xFE6A, "%"},
    Spelling{0xFEFF, ""},
};

/// Zeros of the decimal digits of other scripts.
constexpr std::array<uint32_t, 16> kZeros{0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66,
                                          0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
                                          0x0E50, 0x0ED0, 0x1040, 0xFF10};

const char* spelling_of(uint32_t point) {
  const auto* found =
      std::lower_bound(kSpellings.begin(), kSpellings.end(), point,
                       [](const Spelling& s, uint32_t value) { return s.point < value; });
  return found != kSpellings.end() && found->point == point ? found->text : nullptr;
}

char script_digit(uint32_t point) {
  for (const uint32_t zero : kZeros) {
    if (point >= zero && point < zero + 10) return static_cast<char>('0' + (point - zero));
  }
  return 0;
}

/// The plain letter or digit of U+1D400 to U+1D7FF: bold, italic, double-struck, ...
char mathematical(uint32_t point) {
  if (point >= 0x1D7CE && point <= 0x1D7FF) return static_cast<char>('0' + (point - 0x1D7CE) % 10);
  if (point < 0x1D400 || point > 0x1D6A3) return 0;
  const uint32_t letter = (point - 0x1D400) % 52;
  return static_cast<char>(letter < 26 ? 'A' + letter : 'a' + letter - 26);
}

/// The plain character of a superscript, 0 where it is none.
char superscript(uint32_t point) {
  if (point == 0xB9) return '1';
  if (point == 0xB2) return '2';
  if (point == 0xB3) return '3';
  if (point == 0x2070 || (point >= 0x2074 && point <= 0x2079)) {
    return static_cast<char>('0' + (point - 0x2070));
  }
  if (point == 0x207A) return '+';
  if (point == 0x207B) return '-';
  if (point == 0x207F) return 'n';
  return 0;
}

char subscript(uint32_t point) {
  if (point >= 0x2080 && point <= 0x2089) return static_cast<char>('0' + (point - 0x2080));
  if (point == 0x2099) return 'n';
  return 0;
}

/// Zero-width spaces and joiners, and marks of the direction of writing.
bool is_invisible(uint32_t point) {
  return (point >= 0x200B && point <= 0x200F) || (point >= 0x202A && point <= 0x202E) ||
         (point >= 0x2060 && point <= 0x2069);
}

/// "\\begin{matrix}": an environment of its own would have one backslash, or a row's end before.
bool is_escaped_twice(std::string_view text) {
  constexpr std::string_view kBegin = "\\\\begin{";
  for (size_t at = 0; (at = text.find(kBegin, at)) != std::string_view::npos; ++at) {
    if (at == 0 || text[at - 1] != '\\') return true;
  }
  return false;
}

std::string escaped_once(std::string_view text) {
  std::string once;
  once.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    once += text[at];
    if (text.substr(at, 2) == "\\\\") ++at;
  }
  return once;
}

class Normalizer {
 public:
  explicit Normalizer(std::string_view text) : text_(text) { out_.reserve(text.size() + 16); }

  std::string run() && {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    const auto c = static_cast<unsigned char>(text_[at_]);
    if (c < 0x80) {
      const bool is_kept = c >= 0x20 || c == '\n' || c == '\t' || c == '\r';
      if (is_kept) {
        out_ += static_cast<char>(c);
      } else {
        out_ += "\xEF\xBF\xBD";
      }
      ++at_;
      return;
    }
    const CodePoint point = code_point_at(text_, at_);
    if (!point.is_valid) {
      out_ += "\xEF\xBF\xBD";
      at_ += point.num_bytes;
    } else if (superscript(point.value) != 0) {
      run_of(superscript, "^{");
    } else if (subscript(point.value) != 0) {
      run_of(subscript, "_{");
    } else {
      append(point);
      at_ += point.num_bytes;
    }
  }

  void run_of(char (*plain)(uint32_t), const char* opening) {
    out_ += opening;
    while (at_ < text_.size()) {
      const CodePoint point = code_point_at(text_, at_);
      const char c = plain(point.value);
      if (!point.is_valid || c == 0) break;
      out_ += c;
      at_ += point.num_bytes;
    }
    out_ += '}';
  }

  void append(const CodePoint& point) {
    const uint32_t value = point.value;
    if (const char* spelling = spelling_of(value)) {
      out_ += spelling;
    } else if (value >= 0xFF01 && value <= 0xFF5E) {
      out_ += static_cast<char>(value - 0xFF01 + 0x21);
      const bool is_mark = value == 0xFF0C || value == 0xFF1B || value == 0xFF1A;
      if (is_mark && !(value == 0xFF0C && stands_in_number(point))) out_ += ' ';
    } else if (const char letter = mathematical(value)) {
      out_ += letter;
    } else if (value == 0x2009 || value == 0x200A || value == 0x202F) {
      out_ += "\\,";
    } else if (value >= 0x2000 && value <= 0x2008) {
      out_ += ' ';
    } else if (value >= 0x2010 && value <= 0x2015) {
      out_ += '-';
    } else if (const char digit = script_digit(value)) {
      out_ += digit;
    } else if (!is_invisible(value)) {
      out_.append(text_, at_, point.num_bytes);
    }
  }

  /// 1，000: digits before, three digits and no fourth behind.
  bool stands_in_number(const CodePoint& comma) const {
    const std::string_view rest = text_.substr(at_ + comma.num_bytes);
    size_t count = 0;
    while (count < rest.size() && count < 4 && is_digit(rest[count])) ++count;
    return count == 3 && out_.size() > 1 && is_digit(out_[out_.size() - 2]);
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
};

}  // namespace

std::string normalized_math(std::string_view text) {
  return is_escaped_twice(text) ? Normalizer(escaped_once(text)).run() : Normalizer(text).run();
}

std::optional<std::string> with_ascii_digits(std::string_view text) {
  // Leads of the digits' scripts: two bytes from U+0660 on, three from U+0966 to U+1049 and
  // for the full-width ones.
  const auto may_hold = [](char c) {
    const auto lead = static_cast<unsigned char>(c);
    return lead == 0xD9 || lead == 0xDB || lead == 0xDF || lead == 0xE0 || lead == 0xE1 ||
           lead == 0xEF;
  };
  if (std::none_of(text.begin(), text.end(), may_hold)) return std::nullopt;
  std::string plain;
  plain.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint point = code_point_at(text, at);
    const char digit = point.is_valid ? script_digit(point.value) : 0;
    const bool follows_digit = !plain.empty() && plain.back() >= '0' && plain.back() <= '9';
    if (digit != 0) {
      plain += digit;
    } else if (point.is_valid && follows_digit &&
               (point.value == 0x066B || point.value == 0x066C)) {
      plain += point.value == 0x066B ? '.' : ',';
    } else {
      plain.append(text, at, point.num_bytes);
    }
    at += point.num_bytes;
  }
  return plain;
}

}  // namespace gradus::rewards::math
