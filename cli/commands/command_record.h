#pragma once

#include "cli/arguments.h"
#include "cli/session.h"

namespace gradus::cli {

/// A command: one file with its `extern const CommandRecord`, and one line of records.inc.
struct CommandRecord {
  const char* group;  // the command it stands under, "runs" of `gradus runs list`; "": none
  const char* name;
  const char* text;  // one line for people
  /// Declares the arguments, and the callback that reads them, does the work and sets
  /// session.exit_code.
  void (*declare)(Command command, Session& session);
};

}  // namespace gradus::cli
