#include <unistd.h>

#include <iostream>

#include "base/failure_text.h"
#include "cli/program.h"
#include "cli/stop_signals.h"

int main(int argc, char** argv) {
  using namespace gradus::cli;
  open_standard_descriptors();
  try {
    StopSignals signals;
    Session session{std::cin,
                    std::cout,
                    std::cerr,
                    signals.token(),
                    ::isatty(STDIN_FILENO) == 1,
                    ::isatty(STDOUT_FILENO) == 1,
                    ::isatty(STDERR_FILENO) == 1,
                    0,
                    [&signals] { return signals.take_checkpoint_wish(); }};
    return run_program(argc, argv, session);
  } catch (const std::exception& error) {  // before there was a command
    std::cerr << "gradus: " << gradus::failure_text(error) << std::endl;
    return kFailed;
  }
}
