#pragma once

#include "rewards/instructions/arguments.h"
#include "rewards/instructions/instruction.h"

namespace gradus::rewards {

// Makers of the checks that instruction.cpp lists. Regular expressions are the reference's.

// keyword_instructions.cpp
InstructionCheck make_existence(const InstructionArguments& arguments);
InstructionCheck make_frequency(const InstructionArguments& arguments);
InstructionCheck make_forbidden_words(const InstructionArguments& arguments);
InstructionCheck make_letter_frequency(const InstructionArguments& arguments);

// length_instructions.cpp
InstructionCheck make_number_sentences(const InstructionArguments& arguments);
InstructionCheck make_number_paragraphs(const InstructionArguments& arguments);
InstructionCheck make_number_words(const InstructionArguments& arguments);
InstructionCheck make_nth_paragraph_first_word(const InstructionArguments& arguments);

// format_instructions.cpp
InstructionCheck make_number_placeholders(const InstructionArguments& arguments);
InstructionCheck make_postscript(const InstructionArguments& arguments);
InstructionCheck make_number_bullet_lists(const InstructionArguments& arguments);
InstructionCheck make_constrained_response(const InstructionArguments& arguments);
InstructionCheck make_number_highlighted_sections(const InstructionArguments& arguments);
InstructionCheck make_multiple_sections(const InstructionArguments& arguments);
InstructionCheck make_json_format(const InstructionArguments& arguments);
InstructionCheck make_title(const InstructionArguments& arguments);

// whole_instructions.cpp
InstructionCheck make_two_responses(const InstructionArguments& arguments);
InstructionCheck make_repeat_prompt(const InstructionArguments& arguments);
InstructionCheck make_end_checker(const InstructionArguments& arguments);
InstructionCheck make_quotation(const InstructionArguments& arguments);
InstructionCheck make_no_comma(const InstructionArguments& arguments);
InstructionCheck make_response_language(const InstructionArguments& arguments);
InstructionCheck make_english_capital(const InstructionArguments& arguments);
InstructionCheck make_english_lowercase(const InstructionArguments& arguments);
InstructionCheck make_capital_word_frequency(const InstructionArguments& arguments);

}  // namespace gradus::rewards
