#include "rewards/profiles/latex_nodes.h"

#include <algorithm>
#include <array>

#include "rewards/profiles/name_index.h"

namespace gradus::rewards::profiles {
namespace {

using Kind = LatexNode::Kind;
using Nodes = std::vector<LatexNode>;

// The library's text form needs four calls a level, and Python allows a thousand.
constexpr int kMostDepth = 240;
constexpr int kMostTokens = 200'000;

struct ArgumentSpec {
  TextView names;  // separated by spaces
  TextView arguments;
};

constexpr std::array kMacroArguments{
    ArgumentSpec{U" frac nicefrac braket ketbra ", U"{{"},
    ArgumentSpec{U" sqrt hphantom vphantom xleftarrow xrightarrow footnote color pagecolor ",
                 U"[{"},
    ArgumentSpec{U" text textrm textit textbf textmd textsc textsf textsl texttt textup emph mbox ",
                 U"{"},
    ArgumentSpec{U" mathrm mathbb mathbf mathit mathsf mathtt mathcal mathscr mathfrak ensuremath ",
                 U"{"},
    ArgumentSpec{U" ' ` \" c ^ ~ H k = b . d r u v not vec dot hat check breve acute grave tilde "
                 U"bar ddot label ref eqref url ket bra ",
                 U"{"},
    ArgumentSpec{U" overline underline widehat widetilde wideparen overleftarrow overrightarrow "
                 U"overleftrightarrow underleftarrow underrightarrow underleftrightarrow overbrace "
                 U"underbrace overgroup undergroup overbracket underbracket overlinesegment "
                 U"underlinesegment overleftharpoon overrightharpoon ",
                 U"{"},
    ArgumentSpec{U" hspace vspace ", U"*{"},
    ArgumentSpec{U" \\ ", U"*["},
    ArgumentSpec{U" textcolor colorbox ", U"[{{"},
};

constexpr std::array kEnvironmentArguments{
    ArgumentSpec{U" array ", U"[{"},
    ArgumentSpec{U" tabular alignat alignat* ", U"{"},
    ArgumentSpec{U" tabular* ", U"{{"},
    ArgumentSpec{U" figure table enumerate itemize ", U"["},
};

TextView arguments_of(const NameIndex<ArgumentSpec>& specs, TextView name) {
  const ArgumentSpec* spec = specs.find(name);
  return spec == nullptr ? TextView() : spec->arguments;
}

struct Token {
  enum class Kind { character, open, close, macro, begin, end, math, specials, end_of_text };
  Kind kind = Kind::end_of_text;
  Text text;
  size_t position = 0;
  size_t length = 0;
  Text pre_space;
  Text post_space;
};

/// Where a list of nodes ends.
struct Stop {
  enum class Kind { end_of_text, brace, environment, math };
  Kind kind = Kind::end_of_text;
  Text text;  // the closing brace, the environment's name, the closing delimiter
};

class Parser {
 public:
  explicit Parser(TextView text) : text_(text) {}

  std::optional<Nodes> all() {
    size_t at = 0;
    Nodes nodes = nodes_until(at, {});
    if (is_exhausted_) return std::nullopt;
    return nodes;
  }

 private:
  Token token_at(size_t at, bool with_brackets, bool with_environments) {
    if (++num_tokens_ > kMostTokens) is_exhausted_ = true;
    Token token;
    while (at < text_.size() && is_space(text_[at])) {
      token.pre_space += text_[at++];
      if (token.pre_space.ends_with(U"\n\n")) {  // a new paragraph
        token.pre_space.erase(token.pre_space.size() - 2);
        return placed(std::move(token), Token::Kind::character, U"\n\n", at - 2, 2);
      }
    }
    if (at >= text_.size() || is_exhausted_) return token;
    const char32_t c = text_[at];
    if (c == U'\\') return command_at(at, std::move(token), with_environments);
    const TextView one = text_.substr(at, 1);
    if (c == U'{' || (with_brackets && c == U'[')) {
      return placed(std::move(token), Token::Kind::open, one, at, 1);
    }
    if (c == U'}' || (with_brackets && c == U']')) {
      return placed(std::move(token), Token::Kind::close, one, at, 1);
    }
    for (const TextView special :
         {TextView(U"---"), TextView(U"--"), TextView(U"``"), TextView(U"''"), TextView(U"!`"),
          TextView(U"?`"), TextView(U"&"), TextView(U"~")}) {
      if (text_.substr(at).starts_with(special)) {
        return placed(std::move(token), Token::Kind::specials, special, at, special.size());
      }
    }
    return placed(std::move(token), Token::Kind::character, one, at, 1);
  }

  static Token placed(Token token, Token::Kind kind, TextView text, size_t at, size_t length) {
    token.kind = kind;
    token.text = Text(text);
    token.position = at;
    token.length = length;
    return token;
  }

  Token command_at(size_t at, Token token, bool with_environments) {
    if (at + 1 >= text_.size()) {
      token.pre_space.clear();
      return token;  // a backslash at the end is the end
    }
    size_t end = at + 2;
    const bool is_word = is_alpha(text_[at + 1]);
    while (is_word && end < text_.size() && is_alpha(text_[end])) ++end;
    const TextView name = text_.substr(at + 1, end - at - 1);
    if (name == U"[" || name == U"]" || name == U"(" || name == U")") {
      return placed(std::move(token), Token::Kind::math, text_.substr(at, 2), at, 2);
    }
    if (with_environments && (name == U"begin" || name == U"end")) {
      return environment_at(at, end, name == U"begin", std::move(token));
    }
    token = placed(std::move(token), Token::Kind::macro, name, at, end - at);
    while (is_word && end < text_.size() && is_space(text_[end])) {
      token.post_space += text_[end++];
      if (token.post_space.ends_with(U"\n\n")) {  // a new paragraph is not the macro's
        token.post_space.erase(token.post_space.size() - 2);
        end -= 2;
        break;
      }
    }
    token.length = end - at;
    return token;
  }

  Token environment_at(size_t at, size_t end, bool is_begin, Token token) const {
    size_t open = end;
    while (open < text_.size() && is_space(text_[open])) ++open;
    size_t close = open + 1;
    const auto is_name = [](char32_t c) {
      return is_alpha(c) || is_digit(c) || contains(U"_* .-", TextView(&c, 1));
    };
    while (close < text_.size() && is_name(text_[close])) ++close;
    const bool is_whole = open < text_.size() && text_[open] == U'{' && close < text_.size() &&
                          text_[close] == U'}' && close > open + 1;
    if (!is_whole) {  // the word itself, as a character
      return placed(std::move(token), Token::Kind::character, text_.substr(at, end - at), at,
                    end - at);
    }
    return placed(std::move(token), is_begin ? Token::Kind::begin : Token::Kind::end,
                  text_.substr(open + 1, close - open - 1), at, close + 1 - at);
  }

  Nodes nodes_until(size_t& at, const Stop& stop) {
    Nodes nodes;
    if (++depth_ > kMostDepth) is_exhausted_ = true;
    const bool with_brackets = stop.kind == Stop::Kind::brace && stop.text == U"]";
    Text characters;
    while (!is_exhausted_) {
      const Token token = token_at(at, with_brackets, true);
      if (token.kind == Token::Kind::end_of_text) {
        characters += token.pre_space;
        at = text_.size();
        break;
      }
      at = token.position + token.length;
      if (token.kind == Token::Kind::character) {
        characters += token.pre_space + token.text;
        continue;
      }
      characters += token.pre_space;
      flush(nodes, characters);
      if (ends_list(token, stop)) break;
      add_node(nodes, token, at);
    }
    flush(nodes, characters);
    --depth_;
    return nodes;
  }

  static void flush(Nodes& nodes, Text& characters) {
    if (characters.empty()) return;
    nodes.emplace_back().text = std::move(characters);
    characters.clear();
  }

  static bool ends_list(const Token& token, const Stop& stop) {
    switch (token.kind) {
      case Token::Kind::close:
        return stop.kind == Stop::Kind::brace && token.text == stop.text;
      case Token::Kind::end:
        return stop.kind == Stop::Kind::environment && token.text == stop.text;
      case Token::Kind::math:
        return stop.kind == Stop::Kind::math && token.text == stop.text;
      default:
        return false;
    }
  }

  // Tokens that close what was not opened are dropped.
  void add_node(Nodes& nodes, const Token& token, size_t& at) {
    switch (token.kind) {
      case Token::Kind::open:
        nodes.push_back(group_from(at, token.text));
        break;
      case Token::Kind::begin:
        nodes.push_back(environment_from(at, token.text));
        break;
      case Token::Kind::macro:
        nodes.push_back(macro_from(at, token));
        break;
      case Token::Kind::specials:
        nodes.push_back(named(Kind::specials, token.text));
        break;
      case Token::Kind::math:
        if (token.text == U"\\(" || token.text == U"\\[") {
          nodes.push_back(mathematics_from(at, token.text));
        }
        break;
      default:
        break;
    }
  }

  static LatexNode named(Kind kind, TextView text) {
    LatexNode node;
    node.kind = kind;
    node.text = Text(text);
    return node;
  }

  LatexNode group_from(size_t& at, TextView opening) {
    LatexNode node = named(Kind::group, U"");
    node.children = nodes_until(at, {Stop::Kind::brace, opening == U"[" ? U"]" : U"}"});
    return node;
  }

  LatexNode mathematics_from(size_t& at, TextView opening) {
    LatexNode node = named(Kind::mathematics, U"");
    node.is_display = opening == U"\\[";
    node.children = nodes_until(at, {Stop::Kind::math, node.is_display ? U"\\]" : U"\\)"});
    return node;
  }

  LatexNode environment_from(size_t& at, const Text& name) {
    LatexNode node = named(Kind::environment, name);
    static const NameIndex<ArgumentSpec> specs(kEnvironmentArguments);
    node.arguments = arguments_from(at, arguments_of(specs, name), false);
    node.children = nodes_until(at, {Stop::Kind::environment, name});
    return node;
  }

  LatexNode macro_from(size_t& at, const Token& token) {
    LatexNode node = named(Kind::macro, token.text);
    node.post_space = token.post_space;
    node.arguments = arguments_from(at, latex_macro_arguments(token.text), token.text == U"\\");
    return node;
  }

  // nullopt, and `at` as it was, where the text ends before they do.
  std::optional<std::vector<Nodes>> arguments_from(size_t& at, TextView spec,
                                                   bool bracket_touches) {
    std::vector<Nodes> arguments;
    size_t here = at;
    for (const char32_t kind : spec) {
      if (kind == U'{') {
        auto argument = expression_from(here);
        if (!argument) return std::nullopt;
        arguments.emplace_back().push_back(std::move(*argument));
      } else if (kind == U'[') {
        arguments.push_back(bracket_touches && here < text_.size() && is_space(text_[here])
                                ? Nodes()
                                : optional_from(here));
      } else {
        const Token token = token_at(here, false, true);
        if (token.kind == Token::Kind::end_of_text) return std::nullopt;
        const bool has_star = token.kind == Token::Kind::character && token.text == U"*";
        if (has_star) here = token.position + 1;
        arguments.push_back(has_star ? Nodes{named(Kind::characters, U"*")} : Nodes());
      }
    }
    at = here;
    return arguments;
  }

  Nodes optional_from(size_t& at) {
    const Token token = token_at(at, true, false);
    if (token.kind != Token::Kind::open || token.text != U"[") return {};
    at = token.position + token.length;
    Nodes nodes;
    nodes.push_back(group_from(at, U"["));
    return nodes;
  }

  // One argument: a group, or a single token that takes no arguments of its own.
  std::optional<LatexNode> expression_from(size_t& at) {
    const Token token = token_at(at, false, false);
    const size_t end = token.position + token.length;
    switch (token.kind) {
      case Token::Kind::end_of_text:
        return std::nullopt;
      case Token::Kind::open:
        at = end;
        return group_from(at, U"{");
      case Token::Kind::close:
        at = token.position;
        return named(Kind::characters, U"");
      case Token::Kind::macro:
        if (token.text == U"end") {
          at = token.position;
          return named(Kind::characters, U"");
        }
        at = end;
        return named(Kind::macro, token.text);
      case Token::Kind::math:
        at = end;
        return named(Kind::macro, token.text);
      default:
        at = end;
        return named(token.kind == Token::Kind::specials ? Kind::specials : Kind::characters,
                     token.text);
    }
  }

  TextView text_;
  int depth_ = 0;
  int num_tokens_ = 0;
  bool is_exhausted_ = false;
};

}  // namespace

std::optional<std::vector<LatexNode>> parse_latex(TextView latex) {
  return Parser(latex).all();
}

TextView latex_macro_arguments(TextView name) {
  static const NameIndex<ArgumentSpec> specs(kMacroArguments);
  return arguments_of(specs, name);
}

}  // namespace gradus::rewards::profiles
