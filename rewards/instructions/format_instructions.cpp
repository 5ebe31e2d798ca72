// detectable_format:* and detectable_content:*: marks that stand in the response.

#include "base/error.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/python_json.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

BoundedRegex multi_line(const std::string& pattern) {
  RegexOptions options;
  options.multi_line = true;
  return BoundedRegex(pattern, options);
}

std::string_view trimmed(std::string_view text, char left, char right) {
  while (text.starts_with(left)) text.remove_prefix(1);
  while (text.ends_with(right)) text.remove_suffix(1);
  return stripped(text);
}

// Matches with anything between their marks; negative: past the bound.
int64_t count_filled(const BoundedRegex& regex, std::string_view text, size_t mark) {
  const auto found = regex.find(text, text.size() + 1);
  if (found.is_over_budget) return -1;
  int64_t count = 0;
  for (const auto& match : found.matches) {
    auto inside = *match[0];
    inside = mark == 1 ? trimmed(inside, '*', '*') : stripped(inside.substr(2, inside.size() - 4));
    count += inside.empty() ? 0 : 1;
  }
  return count;
}

bool remove_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// `num_placeholders` or more of `[...]` on one line.
InstructionCheck make_number_placeholders(const InstructionArguments& arguments) {
  const auto regex = std::make_shared<const BoundedRegex>("\\[.*?\\]");
  const int64_t wanted = arguments.count("num_placeholders");
  return [regex, wanted](std::string_view response) {
    return count_matches(*regex, response) >= wanted;
  };
}

// `postscript_marker` stands somewhere, whatever its case; P.S. and P.P.S with blanks inside.
InstructionCheck make_postscript(const InstructionArguments& arguments) {
  const std::string marker(stripped(arguments.text("postscript_marker")));
  std::string pattern = as_pattern(lower_case(marker));
  if (marker == "P.P.S") pattern = "p\\.\\s?p\\.\\s?s";
  if (marker == "P.S.") pattern = "p\\.\\s?s\\.";
  const auto regex = std::make_shared<const BoundedRegex>(pattern);
  return [regex](std::string_view response) {
    return !regex->find(lower_case(response)).matches.empty();
  };
}

// Exactly `num_bullets` lines that begin with `*` (not `**`) or `-`.
InstructionCheck make_number_bullet_lists(const InstructionArguments& arguments) {
  const auto stars = std::make_shared<const BoundedRegex>(multi_line("^\\s*\\*[^\\*].*$"));
  const auto dashes = std::make_shared<const BoundedRegex>(multi_line("^\\s*-.*$"));
  const int64_t wanted = arguments.count("num_bullets");
  return [stars, dashes, wanted](std::string_view response) {
    const int64_t num_stars = count_matches(*stars, response);
    const int64_t num_dashes = count_matches(*dashes, response);
    return num_stars >= 0 && num_dashes >= 0 && num_stars + num_dashes == wanted;
  };
}

// One of "My answer is yes." (no., maybe.) stands there.
InstructionCheck make_constrained_response(const InstructionArguments&) {
  return [](std::string_view response) {
    for (const char* option : {"My answer is yes.", "My answer is no.", "My answer is maybe."}) {
      if (response.find(option) != std::string_view::npos) return true;
    }
    return false;
  };
}

// `num_highlights` or more of `*...*`, those of `**...**` counted by themselves.
InstructionCheck make_number_highlighted_sections(const InstructionArguments& arguments) {
  const auto single = std::make_shared<const BoundedRegex>("\\*[^\\n\\*]*\\*");
  const auto twice = std::make_shared<const BoundedRegex>("\\*\\*[^\\n\\*]*\\*\\*");
  const int64_t wanted = arguments.count("num_highlights");
  return [single, twice, wanted](std::string_view response) {
    const int64_t num_single = count_filled(*single, response, 1);
    const int64_t num_twice = count_filled(*twice, response, 2);
    return num_single >= 0 && num_twice >= 0 && num_single + num_twice >= wanted;
  };
}

// `num_sections` or more of `section_spliter` with a number behind it.
InstructionCheck make_multiple_sections(const InstructionArguments& arguments) {
  const std::string spliter(stripped(arguments.text("section_spliter")));
  const auto regex =
      std::make_shared<const BoundedRegex>("\\s?(?:" + as_pattern(spliter) + ")\\s?\\d+\\s?");
  const int64_t wanted = arguments.count("num_sections");
  return [regex, wanted](std::string_view response) {
    return count_matches(*regex, response) >= wanted;
  };
}

// All of it is JSON to Python, inside ``` or not.
InstructionCheck make_json_format(const InstructionArguments&) {
  return [](std::string_view response) {
    auto text = stripped(response);
    for (const char* fence : {"```json", "```Json", "```JSON", "```"}) remove_prefix(text, fence);
    if (text.ends_with("```")) text.remove_suffix(3);
    text = stripped(text);
    return is_json_to_python(text);
  };
}

// `<<...>>` on one line with anything inside.
InstructionCheck make_title(const InstructionArguments&) {
  const auto regex = std::make_shared<const BoundedRegex>("<<[^\\n]+>>");
  return [regex](std::string_view response) {
    for (const auto& match : regex->find(response, response.size() + 1).matches) {
      if (!trimmed(*match[0], '<', '>').empty()) return true;
    }
    return false;
  };
}

}  // namespace

extern const InstructionRecord kNumberPlaceholdersInstruction{
    "detectable_content:number_placeholders", make_number_placeholders};
extern const InstructionRecord kPostscriptInstruction{"detectable_content:postscript",
                                                      make_postscript};
extern const InstructionRecord kNumberBulletListsInstruction{
    "detectable_format:number_bullet_lists", make_number_bullet_lists};
extern const InstructionRecord kConstrainedResponseInstruction{
    "detectable_format:constrained_response", make_constrained_response};
extern const InstructionRecord kNumberHighlightedSectionsInstruction{
    "detectable_format:number_highlighted_sections", make_number_highlighted_sections};
extern const InstructionRecord kMultipleSectionsInstruction{"detectable_format:multiple_sections",
                                                            make_multiple_sections};
extern const InstructionRecord kJsonFormatInstruction{"detectable_format:json_format",
                                                      make_json_format};
extern const InstructionRecord kTitleInstruction{"detectable_format:title", make_title};

}  // namespace gradus::rewards
