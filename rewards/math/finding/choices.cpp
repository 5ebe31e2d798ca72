#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "rewards/math/finding/anchors.h"
#include "rewards/math/finding/extract.h"
#include "rewards/math/finding/phrases.h"
#include "rewards/math/finding/stance.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/commands.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {
namespace {

struct Found {
  size_t begin = 0;
  size_t end = 0;
  std::string letter;
};

/// Choices that stand alone in a text, in order.
std::vector<Found> choices_in(std::string_view text, const std::vector<std::string>& strings) {
  std::vector<Found> found;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && (is_letter_or_digit(text[i - 1]) || text[i - 1] == '\\' || text[i - 1] == '\''))
      continue;
    for (const std::string& choice : strings) {
      const size_t end = i + choice.size();
      if (choice.empty() || text.substr(i, choice.size()) != choice) continue;
      if (end < text.size() && (is_letter_or_digit(text[end]) || text[end] == '\'')) continue;
      found.push_back({i, end, choice});
      i = end - 1;
      break;
    }
    if (found.size() > 256) break;
  }
  return found;
}

/// LaTeX around choices as plain text: \textbf{(A)} \text{ or } B, A\quad B, \neg A.
std::string without_latex(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      const std::string_view name = command_name(text, i);
      const size_t end = i + 1 + name.size();
      const bool is_denial = name == "neg" || name == "not" || name == "lnot";
      const std::string_view meaning = is_denial                        ? "not "
                                       : name == "lor" || name == "vee" ? "or "
                                                                        : "";
      if (!plain.ends_with(' ')) plain += ' ';
      plain += meaning;
      i = name.empty() ? i + 1 : end - 1;
    } else if (c == '{' || c == '}' || c == '$' || c == ' ') {
      if (!plain.ends_with(' ')) plain += ' ';
    } else {
      plain += c;
    }
  }
  return plain;
}

/// Between choices and nothing else: space, brackets, marks and arrows.
bool are_marks(std::string_view between) {
  return between.find_first_not_of(" \n\r\t()[]*,;|/?&-=>.") == std::string_view::npos;
}

/// "A good approach": an article, not a choice.
bool is_article(std::string_view text, const Found& choice) {
  if (choice.letter != "A" || choice.end + 1 >= text.size()) return false;
  const char next = text[choice.end + 1];
  if (text[choice.end] != ' ' || next < 'a' || next > 'z') return false;
  const std::string_view rest = text.substr(choice.end + 1);
  for (const std::string_view verb : {"is ", "or ", "and ", "because", "since", "as ", "but "}) {
    if (rest.starts_with(verb)) return false;
  }
  return true;
}

bool contains_word(std::string_view text, std::string_view word) {
  for (size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !is_letter(text[at - 1]);
    if (begins && (end == text.size() || !is_letter(text[end]))) return true;
  }
  return false;
}

bool denies(std::string_view clause) {
  for (const std::string_view word :
       {"not",       "never",      "neither",     "nor",       "none",
        "non",       "cannot",     "wrong",       "incorrect", "nicht",
        "pas",       "rules out",  "rule out",    "ruled out", "ruling out",
        "eliminate", "eliminates", "eliminating", "exclude",   "excludes",
        "excluding", "discard",    "discarding",  "unlike",    "rather than"}) {
    if (contains_word(clause, word)) return true;
  }
  for (const std::string_view denial :
       {"n't", "anything but", "everything but", "all but", "mistake is", "trap is", "不"}) {
    if (clause.find(denial) != std::string_view::npos) return true;
  }
  return false;
}

std::string_view between(std::string_view text, const Found& one, const Found& next) {
  return text.substr(one.end, next.begin - one.end);
}

/// How the choice before leads to this one; brackets around choices say nothing.
Link link_to(std::string_view text, const std::vector<Found>& all, size_t i) {
  if (i == 0) return {};
  std::string_view words = between(text, all[i - 1], all[i]);
  if (words.starts_with(')')) words.remove_prefix(1);
  return link_between(words);
}

/// Whether the clause before a choice denies it: "not B", "can't be A or B", "rules out B and C".
bool is_denied(std::string_view text, const std::vector<Found>& all, size_t i) {
  const Found& choice = all[i];
  const Link link = link_to(text, all, i);
  if (link.replaces) return false;
  constexpr size_t kMostJoined = 12;
  if (i > 0 && i < kMostJoined && link.shares_denial && is_denied(text, all, i - 1)) return true;
  size_t begin = choice.begin;
  while (begin > 0) {
    const char c = text[begin - 1];
    if (c == '.' || c == ',' || c == ';' || c == '\n' || c == ':') break;
    --begin;
  }
  const std::string clause = lower_case(text.substr(begin, choice.begin - begin));
  const std::string behind = lower_case(text.substr(choice.end, 60));
  const bool spares = clause.ends_with("all but ") || clause.ends_with("everything but ");
  if (spares) return !contains_word(behind, "wrong") && !denies(behind);  // "All but D are wrong"
  if (denies(clause)) return true;
  // "A is wrong"
  std::string_view rest = text.substr(choice.end);
  rest = rest.substr(0, rest.find_first_of(".,;\n"));
  const std::string after = lower_case(rest.substr(0, 24));
  const bool others_follow = std::any_of(all.begin(), all.end(), [&](const Found& other) {
    return other.begin > choice.end && other.begin < choice.end + rest.size();
  });
  return !others_follow && (after.starts_with(" is wrong") || after.starts_with(" is not") ||
                            after.starts_with(" is incorrect") || after.starts_with(" isn't") ||
                            after.starts_with(" is false"));
}

/// What becomes of a choice in the words behind it: its index there, all.size() where it is taken
/// back; nullopt where another one is offered beside it.
///
/// @param is_deliberate  the text is a box or a tag: choices side by side are several answers.
std::optional<size_t> settled(std::string_view text, const std::vector<Found>& all, size_t i,
                              bool is_deliberate) {
  while (true) {
    const Sequel sequel = sequel_in(text.substr(all[i].end));
    if (sequel.kind == Sequel::Kind::retraction) return all.size();
    const bool is_named = sequel.kind != Sequel::Kind::none && i + 1 < all.size() &&
                          all[i + 1].begin == all[i].end + sequel.length;
    const bool differs = i + 1 < all.size() && all[i + 1].letter != all[i].letter;
    if (is_named && sequel.kind == Sequel::Kind::correction) {
      ++i;
    } else if (differs && (is_named || link_to(text, all, i + 1).adds ||
                           (is_deliberate && are_marks(between(text, all[i], all[i + 1]))))) {
      return std::nullopt;
    } else {
      return i;
    }
  }
}

/// The first choice of a phrase that is not denied, or its correction; hedged when others are
/// joined to it.
Choice chosen_in(std::string_view text, const ExtractOptions& options, bool is_deliberate) {
  std::vector<Found> all = choices_in(text, options.strings);
  // "(B) A = 5": a variable.
  std::erase_if(all, [&](const Found& choice) {
    const size_t next = text.find_first_not_of(' ', choice.end);
    return next != std::string_view::npos && text[next] == '=';
  });
  for (size_t i = 0; i < all.size(); ++i) {
    if (is_article(text, all[i]) || is_denied(text, all, i)) continue;
    const std::optional<size_t> chosen = settled(text, all, i, is_deliberate);
    if (!chosen) return {all[i].letter, true};
    if (*chosen < all.size()) return {all[*chosen].letter, false};
  }
  return {};
}

/// Letters run together in a box: ABCD.
bool is_run_of_choices(std::string_view text, const ExtractOptions& options) {
  if (text.size() < 2) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::find(options.strings.begin(), options.strings.end(), std::string(1, c)) !=
           options.strings.end();
  });
}

/// Whether a box holds mathematics in which letters are variables: \langle H\rangle, A = 4.
bool is_mathematics(std::string_view box) {
  for (size_t at = 0; (at = box.find('\\', at)) != std::string_view::npos;) {
    size_t end = at + 1;
    while (end < box.size() && is_letter(box[end])) ++end;
    const std::string_view name = box.substr(at + 1, end - at - 1);
    const bool is_of_words = name.empty() || is_text_command(name) || is_spacing(name) ||
                             is_transparent(name) || name == "lor" || name == "vee" ||
                             name == "neg" || name == "lnot" || name == "not" ||
                             name == "textcircled";
    if (!is_of_words) {
      const size_t first = box.find_first_not_of(" {(");
      const bool opens_with_choice = first < at && is_letter(box[first]) &&
                                     first + 1 < box.size() &&
                                     (box[first + 1] == ')' || box[first + 1] == '.');
      const bool opens_with_text = box.starts_with("\\text") || box.starts_with("\\mathrm");
      return !opens_with_choice && !opens_with_text;  // "(B) \frac{1}{2}" is a choice
    }
    at = std::max(end, at + 1);
  }
  return false;
}

/// A choice in lower case that is all of a text but marks: "b", "(b)", "b) 12", "option b".
Choice lower_choice(std::string_view text, const ExtractOptions& options) {
  text = bare(text);
  for (const std::string_view word : {"Option", "option", "Choice", "choice", "answer", "Answer"}) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    while (text.starts_with(':') || text.starts_with(' ')) text.remove_prefix(1);
  }
  const bool opens = text.starts_with('(');
  if (opens) text.remove_prefix(1);
  if (text.empty() || text[0] < 'a' || text[0] > 'z') return {};
  const std::string letter(1, static_cast<char>(text[0] - 'a' + 'A'));
  if (std::find(options.strings.begin(), options.strings.end(), letter) == options.strings.end()) {
    return {};
  }
  const std::string_view rest = text.substr(1);
  const bool is_closed =
      rest.starts_with(')') || (!opens && (rest.starts_with(". ") || rest.starts_with(": ")));
  for (const std::string_view praise : {" is correct", " is right", " is the answer"}) {
    if (rest.starts_with(praise)) return {letter, false};
  }
  if (rest.empty()) return opens ? Choice{} : Choice{letter, false};
  if (!is_closed) return {};
  // "(a) or (b)"
  const std::string_view behind = rest.substr(1);
  const bool offers = behind.find("(") != std::string_view::npos && joining_at(behind) > 0;
  return {letter, offers};
}

Choice choice_in_box(const Span& box, const ExtractOptions& options) {
  if (is_mathematics(box.inside)) return {};
  const std::string inside = without_latex(box.inside);
  if (Choice lower = lower_choice(inside, options); !lower.letter.empty()) return lower;
  if (is_run_of_choices(bare(inside), options)) return {"", true};
  return chosen_in(inside, options, true);
}

bool joins_boxes(std::string_view text, const Span& one, const Span& next) {
  return belong_together(text.substr(one.end, next.begin - one.end));
}

/// "A B C D", "(A)\n(B)".
bool are_only_choices(std::string_view text, const std::vector<Found>& all) {
  size_t end = 0;
  for (const Found& choice : all) {
    if (!are_marks(text.substr(end, choice.begin - end))) return false;
    end = choice.end;
  }
  return !all.empty() && are_marks(text.substr(end));
}

/// "I choose option B since A is too small.": the last that is chosen by a verb, up to its reason.
Choice picked_choice(std::string_view text, const ExtractOptions& options) {
  size_t last = std::string_view::npos;
  for (const std::string_view verb :
       {"choose ", "pick ", "select ", "go with ", "opt for ", "chose "}) {
    const size_t at = text.rfind(verb);
    if (at == std::string_view::npos || (at > 0 && is_letter(text[at - 1]))) continue;
    if (last == std::string_view::npos || at + verb.size() > last) last = at + verb.size();
  }
  if (last == std::string_view::npos) return {};
  size_t begin = last;
  while (begin > 0 && text[begin - 1] != '.' && text[begin - 1] != '\n') --begin;
  if (denies(lower_case(text.substr(begin, last - begin)))) return {};
  std::string_view rest = text.substr(last, 120);
  for (const std::string_view end : {" since ", " because ", " as ", ". ", "\n"}) {
    rest = rest.substr(0, rest.find(end));
  }
  return chosen_in(rest, options, false);
}

/// What stands at the beginning of a line, else the last letter that is no article and not denied.
Choice written_choice(std::string_view text, const std::vector<Found>& all,
                      const ExtractOptions& options) {
  // A line that begins with a choice: "C", "**C**", "(C) 12 cm", "D. it can't be A".
  for (const Found& choice : all) {
    size_t begin = choice.begin;
    while (begin > 0 &&
           (text[begin - 1] == '*' || text[begin - 1] == '(' || text[begin - 1] == ' ')) {
      --begin;
    }
    const bool starts_line = begin == 0 || text[begin - 1] == '\n';
    if (!starts_line || is_article(text, choice)) continue;
    const std::string_view line = text.substr(begin);
    const Choice chosen = chosen_in(line.substr(0, line.find('\n')), options, false);
    if (!chosen.letter.empty()) return chosen;
  }
  for (size_t i = all.size(); i > 0; --i) {
    if (is_article(text, all[i - 1]) || is_denied(text, all, i - 1)) continue;
    const bool is_joined = i > 1 && all[i - 2].letter != all[i - 1].letter;
    return {all[i - 1].letter, is_joined && link_to(text, all, i - 1).adds};
  }
  return {};
}

}  // namespace

Choice extract_choice(std::string_view text, const ExtractOptions& options) {
  const std::vector<Span> boxes = find_boxes(text);
  for (size_t i = boxes.size(); i > 0; --i) {
    const Choice choice = choice_in_box(boxes[i - 1], options);
    if (choice.letter.empty() && !choice.is_hedged) {
      const std::string plain = without_latex(boxes[i - 1].inside);
      const bool is_formula =
          is_mathematics(boxes[i - 1].inside) || plain.find('=') != std::string::npos;
      if (!is_formula && !choices_in(plain, options.strings).empty()) return {};  // denied
      continue;
    }
    for (size_t j = i - 1; j > 0 && joins_boxes(text, boxes[j - 1], boxes[j]); --j) {
      const Choice other = choice_in_box(boxes[j - 1], options);
      if (!other.letter.empty() && other.letter != choice.letter) return {choice.letter, true};
    }
    return choice;
  }
  const size_t tag = text.rfind("<answer>");
  if (tag != std::string_view::npos) {
    const std::string_view inside = text.substr(tag + 8, 200);
    const std::string plain = without_latex(inside.substr(0, inside.find("</answer>")));
    const Choice choice = chosen_in(plain, options, true);
    if (!choice.letter.empty()) return choice;
    if (Choice lower = lower_choice(plain, options); !lower.letter.empty()) return lower;
  }
  for (const Anchor& anchor : find_anchors(text)) {
    if (is_called_wrong(text, anchor.begin)) continue;
    std::string_view rest = text.substr(anchor.end, 200);
    // The first line with something in it.
    while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n')) rest.remove_prefix(1);
    rest = rest.substr(0, rest.find('\n'));
    const bool is_deliberate = are_only_choices(rest, choices_in(rest, options.strings));
    const Choice choice = chosen_in(rest, options, is_deliberate);
    if (!choice.letter.empty()) return choice;
    const std::string_view sentence = rest.substr(0, rest.find(". "));
    if (Choice lower = lower_choice(without_latex(sentence), options); !lower.letter.empty())
      return lower;
  }
  if (Choice picked = picked_choice(text, options); !picked.letter.empty()) return picked;
  if (Choice lower = lower_choice(text, options); !lower.letter.empty()) return lower;
  const std::vector<Found> all = choices_in(text, options.strings);
  if (are_only_choices(text, all)) return chosen_in(text, options, true);
  return written_choice(text, all, options);
}

}  // namespace gradus::rewards::math
