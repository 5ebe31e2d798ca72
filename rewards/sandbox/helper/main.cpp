// The program that stands between Gradus and the code of others. It travels inside Gradus and is
// started with nothing but the descriptors of launch_plan.h. It is small and has one thread on
// purpose: setting up namespaces takes fork and unshare, which are traps in a process with threads
// and gigabytes of weights.
//
//   gradus-sandbox            reads a plan and runs its program
//   gradus-sandbox MODE ...   is such a program: a host for plug-ins (lua, library), or one that
//                             tries the sandbox: "nothing" ends at once, "forks" fails where it
//                             could start eight processes

#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <string>

#include "rewards/sandbox/helper/plugin_host.h"
#include "rewards/sandbox/helper/report.h"
#include "rewards/sandbox/helper/supervise.h"
#include "rewards/sandbox/launch_plan.h"

namespace {

using namespace gradus::rewards::sandbox;

bool read_exactly(char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t count = ::read(kControl, bytes, size);
    if (count == 0 || (count < 0 && errno != EINTR)) return false;
    if (count > 0) bytes += count, size -= static_cast<size_t>(count);
  }
  return true;
}

int start_eight() {
  for (int i = 0; i < 8; ++i) {
    const pid_t pid = ::fork();
    if (pid < 0) return 0;
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  return 3;
}

int launch() {
  uint64_t size = 0;
  if (!read_exactly(reinterpret_cast<char*>(&size), sizeof(size))) return 125;
  std::string text(size, '\0');
  if (!read_exactly(text.data(), text.size())) return 125;
  supervise(decode(text));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    const std::string mode = argv[1];
    if (mode == "lua") return serve_lua();
    if (mode == "library") return serve_library();
    if (mode == "forks") return start_eight();
    return mode == "nothing" ? 0 : 2;
  }
  try {
    return launch();
  } catch (const std::exception& error) {
    fail_setup(error.what(), EINVAL);
  }
}
