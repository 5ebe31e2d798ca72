#include "rewards/scores/scripts.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <utility>

namespace gradus::rewards {
namespace {

struct Range {
  uint32_t first;
  uint32_t last;
  Script script;
};

// Ascending. Letters alone count; see is_letter.
constexpr std::array kRanges{
    Range{0x0041, 0x024F, Script::latin},      Range{0x0250, 0x02AF, Script::latin},
    Range{0x0370, 0x03FF, Script::greek},      Range{0x0400, 0x052F, Script::cyrillic},
    Range{0x0531, 0x058F, Script::armenian},   Range{0x0591, 0x05F4, Script::hebrew},
    Range{0x0600, 0x06FF, Script::arabic},     Range{0x0750, 0x077F, Script::arabic},
    Range{0x0870, 0x08FF, Script::arabic},     Range{0x0900, 0x097F, Script::devanagari},
    Range{0x0980, 0x09FF, Script::bengali},    Range{0x0A00, 0x0A7F, Script::gurmukhi},
    Range{0x0A80, 0x0AFF, Script::gujarati},   Range{0x0B00, 0x0B7F, Script::oriya},
    Range{0x0B80, 0x0BFF, Script::tamil},      Range{0x0C00, 0x0C7F, Script::telugu},
    Range{0x0C80, 0x0CFF, Script::kannada},    Range{0x0D00, 0x0D7F, Script::malayalam},
    Range{0x0D80, 0x0DFF, Script::sinhala},    Range{0x0E00, 0x0E7F, Script::thai},
    Range{0x0E80, 0x0EFF, Script::lao},        Range{0x0F00, 0x0FFF, Script::tibetan},
    Range{0x1000, 0x109F, Script::myanmar},    Range{0x10A0, 0x10FF, Script::georgian},
    Range{0x1100, 0x11FF, Script::hangul},     Range{0x1200, 0x139F, Script::ethiopic},
    Range{0x1780, 0x17FF, Script::khmer},      Range{0x1C80, 0x1C8F, Script::cyrillic},
    Range{0x1C90, 0x1CBF, Script::georgian},   Range{0x1E00, 0x1EFF, Script::latin},
    Range{0x1F00, 0x1FFF, Script::greek},      Range{0x2C60, 0x2C7F, Script::latin},
    Range{0x2D00, 0x2D2F, Script::georgian},   Range{0x2D80, 0x2DDF, Script::ethiopic},
    Range{0x2DE0, 0x2DFF, Script::cyrillic},   Range{0x2E80, 0x2FDF, Script::han},
    Range{0x3005, 0x3007, Script::han},        Range{0x3021, 0x3029, Script::han},
    Range{0x3041, 0x309F, Script::hiragana},   Range{0x30A1, 0x30FF, Script::katakana},
    Range{0x3131, 0x318E, Script::hangul},     Range{0x31F0, 0x31FF, Script::katakana},
    Range{0x3400, 0x4DBF, Script::han},        Range{0x4E00, 0x9FFF, Script::han},
    Range{0xA640, 0xA69F, Script::cyrillic},   Range{0xA720, 0xA7FF, Script::latin},
    Range{0xA8E0, 0xA8FF, Script::devanagari}, Range{0xA960, 0xA97C, Script::hangul},
    Range{0xA9E0, 0xA9FE, Script::myanmar},    Range{0xAA60, 0xAA7F, Script::myanmar},
    Range{0xAB30, 0xAB64, Script::latin},      Range{0xAC00, 0xD7FB, Script::hangul},
    Range{0xF900, 0xFAFF, Script::han},        Range{0xFB00, 0xFB06, Script::latin},
    Range{0xFB13, 0xFB17, Script::armenian},   Range{0xFB1D, 0xFB4F, Script::hebrew},
    Range{0xFB50, 0xFDFF, Script::arabic},     Range{0xFE70, 0xFEFC, Script::arabic},
    Range{0xFF21, 0xFF5A, Script::latin},      Range{0xFF66, 0xFF9F, Script::katakana},
    Range{0xFFA0, 0xFFDC, Script::hangul},     Range{0x20000, 0x323AF, Script::han},
};

constexpr std::array<const char*, 28> kNames{
    "none",       "latin",     "greek",    "cyrillic", "armenian", "hebrew",   "arabic",
    "devanagari", "bengali",   "gurmukhi", "gujarati", "oriya",    "tamil",    "telugu",
    "kannada",    "malayalam", "sinhala",  "thai",     "lao",      "tibetan",  "myanmar",
    "georgian",   "ethiopic",  "khmer",    "hangul",   "hiragana", "katakana", "han"};

bool is_letter(uint32_t value) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         category == UTF8PROC_CATEGORY_NL;
}

}  // namespace

Script script_of(uint32_t value) {
  const auto* range =
      std::lower_bound(kRanges.begin(), kRanges.end(), value,
                       [](const Range& entry, uint32_t point) { return entry.last < point; });
  if (range == kRanges.end() || value < range->first || !is_letter(value)) return Script::none;
  return range->script;
}

const char* script_name(Script script) {
  return kNames[static_cast<size_t>(script)];
}

std::optional<Script> script_named(std::string_view name) {
  for (size_t i = 1; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<Script>(i);
  }
  return std::nullopt;
}

std::vector<std::string> script_names() {
  return {kNames.begin() + 1, kNames.end()};
}

}  // namespace gradus::rewards
