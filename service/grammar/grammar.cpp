#include "service/grammar/grammar.h"

#include <algorithm>

namespace gradus::service {
namespace {

using Bytes = std::vector<std::pair<unsigned char, unsigned char>>;

void encode_character(uint32_t code, unsigned char (&bytes)[4], int& count) {
  if (code < 0x80) {
    bytes[0] = static_cast<unsigned char>(code);
    count = 1;
  } else if (code < 0x800) {
    bytes[0] = static_cast<unsigned char>(0xC0 | (code >> 6));
    bytes[1] = static_cast<unsigned char>(0x80 | (code & 0x3F));
    count = 2;
  } else if (code < 0x10000) {
    bytes[0] = static_cast<unsigned char>(0xE0 | (code >> 12));
    bytes[1] = static_cast<unsigned char>(0x80 | ((code >> 6) & 0x3F));
    bytes[2] = static_cast<unsigned char>(0x80 | (code & 0x3F));
    count = 3;
  } else {
    bytes[0] = static_cast<unsigned char>(0xF0 | (code >> 18));
    bytes[1] = static_cast<unsigned char>(0x80 | ((code >> 12) & 0x3F));
    bytes[2] = static_cast<unsigned char>(0x80 | ((code >> 6) & 0x3F));
    bytes[3] = static_cast<unsigned char>(0x80 | (code & 0x3F));
    count = 4;
  }
}

/// Cuts a range of characters into products of byte ranges, as utf8-ranges does.
void split_range(uint32_t low, uint32_t high, std::vector<Bytes>& out) {
  constexpr uint32_t kLast[] = {0x7F, 0x7FF, 0xFFFF, 0x10FFFF};
  for (const uint32_t last : kLast) {
    if (low <= last && high > last) {
      split_range(low, last, out);
      split_range(last + 1, high, out);
      return;
    }
  }
  if (high >= 0x80) {
    for (int i = 1; i < 4; ++i) {
      const uint32_t mask = (1U << (6 * i)) - 1;
      if ((low & ~mask) == (high & ~mask)) continue;
      if ((low & mask) != 0) {
        split_range(low, low | mask, out);
        split_range((low | mask) + 1, high, out);
        return;
      }
      if ((high & mask) != mask) {
        split_range(low, (high & ~mask) - 1, out);
        split_range(high & ~mask, high, out);
        return;
      }
    }
  }
  unsigned char first[4];
  unsigned char last[4];
  int count = 0;
  encode_character(low, first, count);
  encode_character(high, last, count);
  Bytes bytes;
  for (int i = 0; i < count; ++i) bytes.emplace_back(first[i], last[i]);
  out.push_back(std::move(bytes));
}

}  // namespace

void Grammar::add_alternative(Rule rule, Sequence sequence) {
  num_symbols_ += sequence.size() + 1;
  if (num_symbols_ > kMaxSymbols) throw GrammarError("the form is too large to be held to");
  rules_[rule].push_back(std::move(sequence));
}

Grammar::Symbol Grammar::set(const ByteSet& bytes) {
  const auto [place, is_new] =
      known_sets_.emplace(bytes.to_string(), static_cast<uint32_t>(sets_.size()));
  if (is_new) sets_.push_back(bytes);
  return {false, place->second};
}

Grammar::Symbol Grammar::byte(unsigned char value) {
  ByteSet one;
  one.set(value);
  return set(one);
}

Grammar::Sequence Grammar::text(std::string_view text) {
  Sequence sequence;
  for (const char c : text) sequence.push_back(byte(static_cast<unsigned char>(c)));
  return sequence;
}

Grammar::Symbol Grammar::either(const std::vector<Sequence>& choices) {
  const Rule made = add_rule();
  for (const auto& choice : choices) add_alternative(made, choice);
  return rule(made);
}

Grammar::Symbol Grammar::repeated(const Sequence& sequence, int low, int high) {
  const Rule made = add_rule();
  Sequence needed;
  for (int i = 0; i < low; ++i) needed.insert(needed.end(), sequence.begin(), sequence.end());
  if (high < 0) {
    const Rule loop = add_rule();
    Sequence again = sequence;
    again.push_back(rule(loop));
    add_alternative(loop, again);
    add_alternative(loop, {});
    needed.push_back(rule(loop));
    add_alternative(made, needed);
    return rule(made);
  }
  // low .. high: (sequence (sequence (...)?)?)?
  Symbol rest = either({{}});
  for (int i = low; i < high; ++i) {
    Sequence more = sequence;
    more.push_back(rest);
    rest = either({more, {}});
  }
  needed.push_back(rest);
  add_alternative(made, needed);
  return rule(made);
}

Grammar::Symbol Grammar::characters(const std::vector<std::pair<uint32_t, uint32_t>>& ranges) {
  ByteSet ascii;
  std::vector<Bytes> pieces;
  for (const auto& [low, high] : ranges) {
    for (uint32_t code = low; code <= std::min<uint32_t>(high, 0x7F); ++code) ascii.set(code);
    const uint32_t begin = std::max<uint32_t>(low, 0x80);
    if (begin > high) continue;
    if (begin < 0xD800) split_range(begin, std::min<uint32_t>(high, 0xD7FF), pieces);
    if (high > 0xDFFF) split_range(std::max<uint32_t>(begin, 0xE000), high, pieces);
  }
  std::vector<Sequence> choices;
  if (ascii.any()) choices.push_back({set(ascii)});
  for (const auto& piece : pieces) {
    Sequence sequence;
    for (const auto& [low, high] : piece) {
      ByteSet bytes;
      for (int value = low; value <= high; ++value) bytes.set(static_cast<size_t>(value));
      sequence.push_back(set(bytes));
    }
    choices.push_back(std::move(sequence));
  }
  return either(choices);
}

bool Grammar::restrict_to(const ByteSet& bytes) {
  for (auto& set : sets_) set &= bytes;
  std::vector<bool> is_productive(rules_.size(), false);
  const auto can_be_spelled = [&](const Sequence& sequence) {
    return std::ranges::all_of(sequence, [&](const Symbol& symbol) {
      return symbol.is_rule ? is_productive[symbol.index] : sets_[symbol.index].any();
    });
  };
  for (bool has_changed = true; has_changed;) {
    has_changed = false;
    for (size_t i = 0; i < rules_.size(); ++i) {
      if (is_productive[i] || !std::ranges::any_of(rules_[i], can_be_spelled)) continue;
      is_productive[i] = has_changed = true;
    }
  }
  for (auto& alternatives : rules_)
    std::erase_if(alternatives, [&](const Sequence& each) { return !can_be_spelled(each); });
  return is_productive[0];
}

}  // namespace gradus::service
