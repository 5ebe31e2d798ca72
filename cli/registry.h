#pragma once

#include "cli/arguments.h"
#include "cli/session.h"

namespace gradus::cli {

/// Puts every command under `root`. A command is one file in cli/commands/ and one line in
/// registry.cpp: `add_x` declares its arguments and sets the callback that runs it.
void add_commands(Command root, Session& session);

}  // namespace gradus::cli
