#pragma once

#include <string_view>

namespace gradus::rewards::math {

// What LaTeX's commands are to the lexer; names without their backslash.

/// Commands that only space or size.
bool is_spacing(std::string_view name);

/// Commands whose first argument says how the rest looks: \color{red}, \hspace{2mm}, \tag{1}.
bool is_dressing(std::string_view name);

/// Commands around mathematics that change its looks alone.
bool is_bold(std::string_view name);
bool is_transparent(std::string_view name);

/// Commands whose argument is words.
bool is_text_command(std::string_view name);

/// Environments that only set lines under each other.
bool is_alignment(std::string_view name);

/// The symbol that a command is another name of: \lbrack for [; empty: none.
std::string_view symbol_named(std::string_view name);

}  // namespace gradus::rewards::math
