#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards::math {

/// What may be taken from a text as an answer.
struct Targets {
  bool latex = true;    // mathematics in $...$, \(...\), \[...\], \boxed{...}
  bool expr = true;     // plain numbers and arithmetic
  bool string = false;  // choices: see ExtractOptions::strings
};

struct ExtractOptions {
  Targets targets;
  std::vector<std::string> strings{"A", "B", "C", "D"};
  int boxed_match_priority = 50;           // 0: boxes first; -1: boxes count as other mathematics
  bool try_extract_without_anchor = true;  // false: a box, a tag or "the answer is" is needed
};

/// One place of a text that may be the answer.
struct Candidate {
  enum class Origin : uint8_t { box, tag, hash, anchor, span, number };
  std::string text;  // what is to be parsed
  Origin origin = Origin::number;
  bool is_plain = false;  // from plain text, where a comma may be a decimal sign
};

/// The places where the answer may stand, best first, at most `kMaxCandidates`: the order of
/// Math-Verify's priorities (rewards.md, 2), with answer tags and #### before phrases.
///
/// Boxes that stand together ("\boxed{1} and \boxed{2}") are one answer. Linear time.
std::vector<Candidate> extract_candidates(std::string_view text, const ExtractOptions& options);

/// What is said behind the best "the answer is", to the end of the sentence or to its "because";
/// empty where there is none, or where it is called wrong or taken back.
std::string_view announced_statement(std::string_view text);

/// The text behind the best "the answer is"; empty as above.
std::string_view announced_text(std::string_view text);

inline constexpr size_t kMaxCandidates = 12;

/// A choice taken from a text.
struct Choice {
  std::string letter;      // empty: none
  bool is_hedged = false;  // several choices offered
};

/// The chosen one of options.strings: in a box, behind "the answer is", at the start of a line,
/// or the last that is named; those that are denied ("not B", "can't be A or B") do not count.
Choice extract_choice(std::string_view text, const ExtractOptions& options);

/// Text behind the last of the delimiters; false if none is in the text.
bool cut_reasoning(std::string_view& text, const std::vector<std::string>& delimiters);

/// Origin in words.
const char* origin_name(Candidate::Origin origin);

}  // namespace gradus::rewards::math
