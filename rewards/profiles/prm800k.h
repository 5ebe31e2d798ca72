#pragma once

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// Whose copy of the program. rllm's of July 2025 and later takes a \text{...} in front for all of
/// the answer, whatever follows, and rounds what is near an integer where prm800k truncates.
enum class Dialect { prm800k, rllm };

/// openai/prm800k math_normalize.normalize_answer: hendrycks' form of the answer without blanks
/// around it and without an enclosing \text{...}; as far as that where hendrycks' program raises.
Text mathd_normalized(TextView answer, Dialect dialect = Dialect::prm800k);

/// prm800k's own form of an answer, `_normalize`: lower case, LaTeX as text, no units or blanks.
Text prm800k_normalized(TextView answer, Dialect dialect = Dialect::prm800k);

/// grade_answer without its first step: the forms of prm800k's own `_normalize` compared as
/// strings, as tuples, and element by element as expressions.
bool prm800k_sympy_equal(TextView gold, TextView given, Dialect dialect = Dialect::prm800k);

}  // namespace gradus::rewards::profiles
