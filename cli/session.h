#pragma once

#include <functional>
#include <iosfwd>
#include <stop_token>

namespace gradus::cli {

/// What a command may touch of the world: streams and the wish to stop. Passed in, so that tests
/// can run commands on their own streams.
struct Session {
  std::istream& in;
  std::ostream& out;  ///< results: tables, JSON, text; commands get it printable
  std::ostream& err;  ///< warnings, errors; the same
  std::stop_token stop;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  int exit_code = 0;  ///< set by the command that ran
  /// Whether somebody has asked for a checkpoint since the last call (SIGUSR2); empty: nobody can.
  std::function<bool()> wants_checkpoint = {};
  /// Says what Ctrl-C does instead of stopping the program; an empty function: as usual. Called in
  /// any thread. Empty: nothing can be said.
  std::function<void(std::function<void()>)> on_interrupt = {};
  /// Where progress is drawn with a terminal's own controls, and where `sample` writes bytes as
  /// they are: err and out as the program was given them. Set by run_program.
  std::ostream* screen = nullptr;
  std::ostream* raw_out = nullptr;
};

/// Documented in README.md; scripts rely on them.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,         ///< a file, another process or the machine failed us
  kBadRequest = 2,     ///< the command line or the recipe is wrong; nothing was done
  kOutOfTime = 3,      ///< run.max_hours is over; what was done is saved, and --resume goes on
  kInterrupted = 130,  ///< stopped by a signal (cli/stop_signals.h); what was done is saved
};

}  // namespace gradus::cli
