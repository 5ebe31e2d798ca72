#include "rewards/math/reading/commands.h"

#include <algorithm>
#include <array>
#include <utility>

namespace gradus::rewards::math {
namespace {

template <size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_spacing(std::string_view name) {
  constexpr std::array<std::string_view, 47> kNames{
      "left",    "right",      "mleft",        "mright",      "middle",      "big",
      "Big",     "bigg",       "Bigg",         "bigl",        "bigr",        "Bigl",
      "Bigr",    "biggl",      "biggr",        "Biggl",       "Biggr",       "bigm",
      "quad",    "qquad",      "displaystyle", "textstyle",   "scriptstyle", "scriptscriptstyle",
      "limits",  "nolimits",   "thinspace",    "medspace",    "thickspace",  "negthinspace",
      "enspace", "mathstrut",  "strut",        "nobreak",     "allowbreak",  "checkmark",
      "tiny",    "scriptsize", "small",        "normalsize",  "large",       "Large",
      "LARGE",   "huge",       "Huge",         "blacksquare", "qed"};
  return is_one_of(name, kNames);
}

bool is_dressing(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames{"color",  "textcolor", "colorbox", "hspace",
                                                   "vspace", "tag",       "label"};
  return is_one_of(name, kNames);
}

std::string_view symbol_named(std::string_view name) {
  using Name = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Name, 8> kNames{{{"lbrack", "["},
                                        {"lgroup", "("},
                                        {"rgroup", ")"},
                                        {"rbrack", "]"},
                                        {"lbrace", "\\{"},
                                        {"rbrace", "\\}"},
                                        {"colon", ":"},
                                        {"vert", "|"}}};
  for (const auto& [command, symbol] : kNames) {
    if (command == name) return symbol;
  }
  return {};
}

bool is_alignment(std::string_view name) {
  constexpr std::array<std::string_view, 10> kNames{"aligned",  "align",    "align*",   "alignedat",
                                                    "gather",   "gather*",  "gathered", "split",
                                                    "equation", "equation*"};
  return is_one_of(name, kNames);
}

bool is_text_command(std::string_view name) {
  constexpr std::array<std::string_view, 19> kNames{
      "text",   "textbf", "textit", "textrm",     "textnormal", "textsf", "texttt",
      "textup", "textsc", "mbox",   "hbox",       "mathrm",     "rm",     "operatorname",
      "mathsf", "mathtt", "textsl", "mathnormal", "emph"};
  return is_one_of(name, kNames);
}

bool is_bold(std::string_view name) {
  return name == "mathbf" || name == "boldsymbol" || name == "bm" || name == "bold";
}

bool is_transparent(std::string_view name) {
  constexpr std::array<std::string_view, 15> kNames{
      "mathbf", "boldsymbol", "mathit",   "mathcal", "mathscr", "bf",         "it",       "bm",
      "boxed",  "fbox",       "mathfrak", "cancel",  "bold",    "ensuremath", "underline"};
  return is_one_of(name, kNames);
}

}  // namespace gradus::rewards::math
