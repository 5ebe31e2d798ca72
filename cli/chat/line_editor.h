#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "cli/chat/typed_lines.h"

namespace gradus::cli {

/// Lines that are edited on the terminal of the process; null: the program was built without
/// libedit, or the terminal cannot be set up.
std::unique_ptr<TypedLines> line_editor(std::stop_token stop, std::function<bool()> take_interrupt);

}  // namespace gradus::cli
