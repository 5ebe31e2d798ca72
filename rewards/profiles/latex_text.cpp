#include "rewards/profiles/latex_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

#include "rewards/profiles/latex_nodes.h"
#include "rewards/profiles/latex_symbols.h"
#include "rewards/profiles/name_index.h"

namespace gradus::rewards::profiles {
namespace {

using Kind = LatexNode::Kind;
using Nodes = std::vector<LatexNode>;

constexpr size_t kMostTextCharacters = 200'000;

/// The library stops with an exception, or the text grows past its limit.
struct Failure {};

struct Pattern {
  TextView names;
  TextView text;  // %1 %2: arguments
  TextView bare;  // without its arguments; empty: the library raises
};

constexpr std::array kPatterns{
    Pattern{U" frac nicefrac textfrac ", U"%1/%2", U"%s/%s"},
    Pattern{U" sqrt ", U"√(%2)", U""},
    Pattern{U" overline underline widehat widetilde wideparen overleftarrow overrightarrow "
            U"overleftrightarrow underleftarrow underrightarrow underleftrightarrow overbrace "
            U"underbrace overgroup undergroup overbracket underbracket overlinesegment "
            U"underlinesegment overleftharpoon overrightharpoon ",
            U"%1", U"%s"},
    Pattern{U" text textrm textit textbf textsc textsl emph mathrm ", U"%1", U" "},
    Pattern{U" textcolor colorbox ", U"%3", U""},
    Pattern{U" footnote ", U"[%2]", U""},
    Pattern{U" ket ", U"|%1⟩", U"|%s⟩"},
    Pattern{U" bra ", U"⟨%1|", U"⟨%s|"},
    Pattern{U" braket ", U"⟨%1|%2⟩", U"⟨%s|%s⟩"},
    Pattern{U" ketbra ", U"|%1⟩⟨%2|", U"|%s⟩⟨%s|"},
    Pattern{U" url ", U"<%1>", U"<%s>"},
    Pattern{U" ref autoref ", U"<ref>", U"<ref>"},
    Pattern{U" eqref ", U"(<ref>)", U"(<ref>)"},
    Pattern{U" \\ vspace ", U"\n", U"\n"},
};

struct Accent {
  TextView names;
  char32_t combining;
};

constexpr std::array kAccents{
    Accent{U" ' acute ", 0x301}, Accent{U" ` grave ", 0x300}, Accent{U" \" ddot ", 0x308},
    Accent{U" c ", 0x327},       Accent{U" ^ hat ", 0x302},   Accent{U" ~ tilde ", 0x303},
    Accent{U" H ", 0x30B},       Accent{U" k ", 0x328},       Accent{U" = ", 0x304},
    Accent{U" b ", 0x331},       Accent{U" . dot ", 0x307},   Accent{U" d ", 0x323},
    Accent{U" r ", 0x30A},       Accent{U" u breve ", 0x306}, Accent{U" v check ", 0x30C},
    Accent{U" vec ", 0x20D7},    Accent{U" bar ", 0x305},     Accent{U" not ", 0x338},
};

/// A mathematical alphabet of Unicode: where its A and a stand, and letters that stand elsewhere.
struct Alphabet {
  TextView names;
  char32_t capital_a;
  char32_t small_a;
  TextView letters;       // those elsewhere
  TextView replacements;  // and where
};

constexpr std::array kAlphabets{
    Alphabet{U" mathbf ", 0x1D400, 0x1D41A, U"", U""},
    Alphabet{U" mathit ", 0x1D434, 0x1D44E, U"h", U"ℎ"},
    Alphabet{U" mathcal mathscr ", 0x1D49C, 0x1D4B6, U"BEFHILMRego", U"ℬℰℱℋℐℒℳℛℯℊℴ"},
    Alphabet{U" mathfrak ", 0x1D504, 0x1D51E, U"CHIRZ", U"ℭℌℑℜℨ"},
    Alphabet{U" mathbb ", 0x1D538, 0x1D552, U"CHNPQRZ", U"ℂℍℕℙℚℝℤ"},
    Alphabet{U" mathsf ", 0x1D5A0, 0x1D5BA, U"", U""},
    Alphabet{U" mathtt ", 0x1D670, 0x1D68A, U"", U""},
};

bool is_blank(TextView text) {
  return std::all_of(text.begin(), text.end(), is_space);
}

Text composed(char32_t letter, char32_t combining) {
  const Text pair{letter == 0x131 ? U'i' : letter == 0x237 ? U'j' : letter, combining};
  utf8proc_uint8_t* form =
      utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(to_utf8(pair).c_str()));
  if (form == nullptr) return pair;
  const Text text = to_text(reinterpret_cast<const char*>(form));
  std::free(form);  // utf8proc allocates with malloc
  return text;
}

char32_t in_alphabet(char32_t letter, const Alphabet& alphabet) {
  const size_t elsewhere = alphabet.letters.find(letter);
  if (elsewhere != TextView::npos) return alphabet.replacements[elsewhere];
  if (letter >= U'A' && letter <= U'Z') return alphabet.capital_a + (letter - U'A');
  if (letter >= U'a' && letter <= U'z') return alphabet.small_a + (letter - U'a');
  return letter;
}

Text specials_text(TextView specials) {
  if (specials == U"&") return U"   ";
  if (specials == U"~") return U"\u00A0";
  if (specials == U"``") return U"“";
  if (specials == U"''") return U"”";
  if (specials == U"--") return U"–";
  if (specials == U"---") return U"—";
  return specials == U"!`" ? U"¡" : U"¿";
}

/// The text of nodes. Outside formulas all spaces stand but those behind a macro; within, spaces
/// between constructs vanish, and those behind a macro without arguments stay before characters.
class TextMaker {
 public:
  Text text_of(const Nodes& nodes) {
    Text text;
    const LatexNode* previous = nullptr;
    for (const LatexNode& node : nodes) {
      const bool follows_bare_macro = previous != nullptr && previous->kind == Kind::macro &&
                                      (!previous->arguments || previous->arguments->empty());
      if (in_formula_ && follows_bare_macro && node.kind == Kind::characters) {
        text += previous->post_space;
      }
      text += produced(text_of(node));
      previous = &node;
    }
    return text;
  }

 private:
  // Accents inside accents double the text each time, and indented blocks grow too.
  Text produced(Text text) {
    num_characters_ += text.size();
    if (num_characters_ > kMostTextCharacters) throw Failure();
    return text;
  }

  Text text_of(const LatexNode& node) {
    switch (node.kind) {
      case Kind::characters:
        return in_formula_ && is_blank(node.text) ? Text() : node.text;
      case Kind::group:
        return text_of(node.children);
      case Kind::macro:
        return macro_text(node);
      case Kind::environment:
        return environment_text(node);
      case Kind::specials:
        return specials_text(node.text);
      case Kind::mathematics:
        return node.is_display ? as_block(node.children) : formula_text(node.children);
    }
    return {};
  }

  Text argument_text(const LatexNode& macro, size_t index) {
    if (!macro.arguments || index >= macro.arguments->size()) return {};
    const Nodes& argument = (*macro.arguments)[index];
    return argument.empty() ? Text() : text_of(argument.front());
  }

  Text filled(const Pattern& pattern, const LatexNode& macro) {
    if (!macro.arguments || macro.arguments->empty()) {
      if (pattern.bare.empty()) throw Failure();
      return pattern.bare == U" " ? Text() : Text(pattern.bare);
    }
    Text text;
    for (size_t i = 0; i < pattern.text.size(); ++i) {
      if (pattern.text[i] == U'%') {
        text += argument_text(macro, pattern.text[++i] - U'1');
      } else {
        text += pattern.text[i];
      }
    }
    return text;
  }

  Text accented(const Accent& accent, const LatexNode& macro) {
    const bool has_argument = macro.arguments && !macro.arguments->empty();
    const Text letters = has_argument ? stripped(argument_text(macro, 0)) : U" ";
    Text text;
    for (const char32_t c : letters) text += produced(composed(c, accent.combining));
    return text;
  }

  Text macro_text(const LatexNode& macro) {
    static const NameIndex<Pattern> patterns(kPatterns);
    static const NameIndex<Accent> accents(kAccents);
    static const NameIndex<Alphabet> alphabets(kAlphabets);
    if (const auto* pattern = patterns.find(macro.text)) return filled(*pattern, macro);
    if (const auto* accent = accents.find(macro.text)) return accented(*accent, macro);
    if (const auto* alphabet = alphabets.find(macro.text)) {
      Text text = argument_text(macro, 0);
      for (char32_t& c : text) c = in_alphabet(c, *alphabet);
      return text;
    }
    return Text(latex_symbol(macro.text).value_or(TextView()));
  }

  // `[ 1 2; 3 4 ]`, cells as wide as the widest; cells without anything are left out.
  Text matrix_text(const LatexNode& matrix) {
    std::vector<std::vector<Text>> rows(1);
    Nodes cell;
    const auto end_cell = [&] {
      if (!cell.empty()) rows.back().push_back(stripped(text_of(cell)));
      cell.clear();
    };
    for (const LatexNode& node : matrix.children) {
      if (node.kind == Kind::specials && node.text == U"&") {
        end_cell();
      } else if (node.kind == Kind::macro && node.text == U"\\") {
        end_cell();
        rows.emplace_back();
      } else {
        cell.push_back(node);
      }
    }
    end_cell();
    return joined(rows);
  }

  static Text joined(const std::vector<std::vector<Text>>& rows) {
    size_t width = 0;
    size_t num_cells = 0;
    for (const auto& row : rows) {
      for (const Text& text : row) width = std::max(width, text.size());
      num_cells += row.size();
    }
    if (num_cells == 0) throw Failure();  // the library takes the largest of nothing
    if (num_cells * width > kMostTextCharacters) throw Failure();
    Text text = U"[ ";
    for (size_t r = 0; r < rows.size(); ++r) {
      if (r > 0) text += U"; ";
      for (size_t c = 0; c < rows[r].size(); ++c) {
        if (c > 0) text += U" ";
        text += Text(width - rows[r][c].size(), U' ') + rows[r][c];
      }
    }
    return text + U" ]";
  }

  Text formula_text(const Nodes& nodes) {
    const bool was_in_formula = std::exchange(in_formula_, true);
    const Text text = stripped(text_of(nodes));
    in_formula_ = was_in_formula;
    return text;
  }

  Text as_block(const Nodes& nodes) {
    return U"\n    " + replaced(formula_text(nodes), U"\n", U"\n    ") + U"\n";
  }

  Text environment_text(const LatexNode& environment) {
    constexpr TextView kMatrices = U" array pmatrix bmatrix smallmatrix psmallmatrix bsmallmatrix ";
    constexpr TextView kEquations =
        U" equation equation* eqnarray eqnarray* align align* multline multline* gather gather* "
        U"dmath dmath* ";
    const Text word = U" " + environment.text + U" ";
    if (contains(kMatrices, word)) return matrix_text(environment);
    if (contains(kEquations, word)) return as_block(environment.children);
    if (contains(U" center flushleft flushright ", word)) {
      return U"\n" + text_of(environment.children) + U"\n";
    }
    return text_of(environment.children);
  }

  bool in_formula_ = false;
  size_t num_characters_ = 0;
};

}  // namespace

std::optional<Text> latex_to_text(TextView latex) {
  const auto nodes = parse_latex(latex);
  if (!nodes) return std::nullopt;
  try {
    return TextMaker().text_of(*nodes);
  } catch (const Failure&) {
    return std::nullopt;  // the caller follows what the program does on its exception
  }
}

}  // namespace gradus::rewards::profiles
