#include <unistd.h>

#include <iostream>

#include "cli/program.h"
#include "cli/stop_signals.h"

int main(int argc, char** argv) {
  gradus::cli::StopSignals signals;
  gradus::cli::Session session{std::cin,
                               std::cout,
                               std::cerr,
                               signals.token(),
                               ::isatty(STDIN_FILENO) == 1,
                               ::isatty(STDOUT_FILENO) == 1,
                               ::isatty(STDERR_FILENO) == 1};
  return gradus::cli::run_program(argc, argv, session);
}
