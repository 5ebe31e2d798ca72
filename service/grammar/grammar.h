#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gradus::service {

/// A form cannot be read, or is larger than what can be held to.
class GrammarError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

using ByteSet = std::bitset<256>;

/// A context-free grammar over bytes: rules of alternatives, each a sequence of byte sets and
/// rules. Rule 0 is what a text is. No rule may begin with itself.
class Grammar {
 public:
  static constexpr size_t kMaxSymbols = 200000;

  using Rule = uint32_t;
  struct Symbol {
    bool is_rule = false;
    uint32_t index = 0;  ///< of the rule, or of the set
  };
  using Sequence = std::vector<Symbol>;

  Grammar() : rules_(1) {}

  Rule add_rule() {
    rules_.emplace_back();
    return static_cast<Rule>(rules_.size() - 1);
  }
  /// @throws GrammarError  the grammar would be too large.
  void add_alternative(Rule rule, Sequence sequence);

  static Symbol rule(Rule rule) { return {true, rule}; }
  Symbol set(const ByteSet& bytes);
  Symbol byte(unsigned char value);
  /// The bytes of a text, one after the other.
  Sequence text(std::string_view text);

  /// A rule for one of several sequences; for a sequence `low` to `high` times (-1: no end).
  Symbol either(const std::vector<Sequence>& choices);
  Symbol repeated(const Sequence& sequence, int low, int high);
  /// A rule for one character of [low, high], in UTF-8; surrogates are left out.
  Symbol characters(const std::vector<std::pair<uint32_t, uint32_t>>& ranges);

  const std::vector<std::vector<Sequence>>& rules() const { return rules_; }
  const std::vector<ByteSet>& sets() const { return sets_; }

  /// Only what can be spelled with these bytes: what needs another is taken out.
  /// @return  false: nothing is left.
  bool restrict_to(const ByteSet& bytes);

 private:
  std::vector<std::vector<Sequence>> rules_;
  std::vector<ByteSet> sets_;
  std::map<std::string, uint32_t> known_sets_;
  size_t num_symbols_ = 0;
};

/// The texts that a regular expression matches as a whole: literals, classes, `.`, groups, `|`,
/// `* + ? {m,n}`, \d \w \s \n \t \xHH \uHHHH and their kin; `^` and `$` at the ends change nothing.
/// @throws GrammarError  names the place: look-around, back references, anchors in the middle.
Grammar grammar_of_regex(std::string_view pattern);

}  // namespace gradus::service
