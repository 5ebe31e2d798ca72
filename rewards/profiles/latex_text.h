#pragma once

#include <optional>

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// LaTeX as plain text, as pylatexenc 2.10's LatexNodes2Text().latex_to_text gives it:
/// `\frac{1}{2}` as 1/2, `\sqrt{x}` as √(x), `\pi` as π, matrices as [ 1 2; 3 4 ]; commands it does
/// not know vanish, their arguments stay. prm800k compares what is left.
///
/// Its lenient reading of broken LaTeX is followed: braces that close nothing are dropped, those
/// that are not closed end with the text. `$` and `%` are plain characters here, as prm800k has
/// removed them before.
///
/// nullopt: the library raises (a `\sqrt` without its argument, nesting past its recursion limit),
/// or would read the text again and again (more than 200,000 tokens) or write too much (200,000
/// characters: accents inside accents double the text each time).
std::optional<Text> latex_to_text(TextView latex);

}  // namespace gradus::rewards::profiles
