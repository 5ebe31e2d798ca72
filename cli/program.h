#pragma once

#include "cli/session.h"

namespace gradus::cli {

/// Parses the command line, runs its command and returns the exit code. Every error ends here, as
/// one line "gradus: where: what" on session.err. Whatever commands write passes a PrintableStream.
int run_program(int argc, const char* const* argv, Session& session);

}  // namespace gradus::cli
