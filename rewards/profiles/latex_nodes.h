#pragma once

#include <optional>
#include <vector>

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// A piece of LaTeX as pylatexenc 2.10 parses it.
struct LatexNode {
  enum class Kind { characters, group, macro, environment, specials, mathematics };

  Kind kind = Kind::characters;
  Text text;        // characters; the name of a macro or environment; the special characters
  Text post_space;  // behind a macro of letters
  bool is_display = false;                                       // mathematics: \[ \]
  std::optional<std::vector<std::vector<LatexNode>>> arguments;  // each none or one node;
                                                                 // nullopt: could not be read
  std::vector<LatexNode> children;  // of a group, an environment, mathematics
};

/// nullopt: nesting or work past the limits that latex_text.h names.
std::optional<std::vector<LatexNode>> parse_latex(TextView latex);

/// How many and which arguments a macro takes, in pylatexenc's notation: `{` one, `[` an optional
/// one, `*` an optional star. Empty: none, or unknown.
TextView latex_macro_arguments(TextView name);

}  // namespace gradus::rewards::profiles
