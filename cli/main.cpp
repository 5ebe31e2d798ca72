#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string_view>
#include <utility>

#include "base/failure_text.h"
#include "cli/program.h"
#include "cli/stop_signals.h"

namespace {

std::terminate_handler usual_terminate = nullptr;  // NOLINT: known before any constructor runs

// LibTorch's constructors take memory before main begins; without it there is nobody to catch what
// they throw.
[[noreturn]] void end_before_main() {
  constexpr std::string_view kMessage =
      "gradus: LibTorch could not be set up, most likely for want of memory (ulimit -v takes the "
      "address space, of which it needs half a gigabyte)\n";
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, kMessage.data(), kMessage.size());
  ::_exit(gradus::cli::kFailed);
}

void before_libraries() {
  usual_terminate = std::set_terminate(end_before_main);
}

// Functions in this section run before the constructors of all libraries.
__attribute__((section(".preinit_array"),
               used)) void (*const kBeforeLibraries)() = before_libraries;

int run(int argc, char** argv) {
  using namespace gradus::cli;
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
                    [&signals] { return signals.take_checkpoint_wish(); },
                    [&signals](auto action) { signals.on_interrupt(std::move(action)); }};
    return run_program(argc, argv, session);
  } catch (const std::exception& error) {  // before there was a command
    std::cerr << "gradus: " << gradus::failure_text(error) << std::endl;
    return kFailed;
  }
}

/// Ends the process without the destructors of libraries' globals: LibTorch's take a quarter of a
/// second to give back what the system takes back at once. Sanitizers report at a usual end.
int leave(int code) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
  std::_Exit(code);
#endif
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(usual_terminate);
  gradus::cli::open_standard_descriptors();
  return leave(run(argc, argv));
}
