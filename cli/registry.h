#pragma once

#include "cli/arguments.h"
#include "cli/session.h"

namespace gradus::cli {

/// Puts every command under `root`: those of cli/commands/records.inc.
void add_commands(Command root, Session& session);

}  // namespace gradus::cli
