#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "rewards/math/math_grader.h"

namespace gradus::rewards {

/// One line of a file of grading cases: a gold, a prediction, and how to compare them. The keys of
/// `config` and their defaults are those of Math-Verify; `profile` names another verifier's rule.
struct VerifyCase {
  std::string gold;
  std::string prediction;
  math::MathOptions options;
  std::string profile;  // empty: mathematics

  /// The verdict; in its path the profile's reason, where there is a profile.
  math::MathVerdict grade(bool explains = false) const;
};

/// @param where  "FILE:LINE", for errors.
/// @throws FileError  not an object, gold or prediction missing, or a config of the wrong type.
VerifyCase read_verify_case(const nlohmann::json& line, const std::string& where);

/// The value that a reference reward function gives: a number, a list for a group, a text. `reward`
/// is one of r1_format, think_format, tag_count, code_format, extract_code, reasoning_steps,
/// soft_overlong, cosine_tokens, cosine_chars, length_kimi, repetition_tokens, repetition_words.
///
/// @throws FileError  an unknown name, an input that is missing or of the wrong type.
nlohmann::json reference_value(const std::string& reward, const nlohmann::json& input,
                               const std::string& where);

}  // namespace gradus::rewards
