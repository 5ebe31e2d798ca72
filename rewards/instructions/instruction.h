#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards {

/// Whether a response obeys one instruction that a program can check.
using InstructionCheck = std::function<bool(std::string_view response)>;

/// The check of IFEval (arXiv:2311.07911) with this id, `length_constraints:number_words` and 24
/// others, under its own names and arguments; what each looks at stands beside its maker.
///
/// Same verdicts as the reference (lm-evaluation-harness), but:
/// - sentences and words are counted without nltk (sentences.h), languages told apart without
///   langdetect (languages.h): near, not equal, and the same every time;
/// - an argument that is missing is refused; the reference draws one at random;
/// - keywords are regular expressions as there, but of PCRE2 and with bounded work: a search past
///   the bound counts as not followed. One that is no expression is looked for as it is.
///
/// @param kwargs  an object; null members count as absent.
/// @throws ArgumentError  an unknown id (with the nearest), a missing or unusable argument.
InstructionCheck make_instruction(const std::string& id, const nlohmann::json& kwargs);

std::vector<std::string> instruction_ids();

/// Strict: the response as it is. Loose: any of eight variants, without its first line, its last,
/// both, each with and without its asterisks. An empty response follows nothing.
bool is_followed(const InstructionCheck& check, std::string_view response, bool is_loose);

}  // namespace gradus::rewards
