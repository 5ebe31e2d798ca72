// Ways around the limits and the view that are closed. Harmless where they are not: a few pages.

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "base/files/file_descriptor.h"
#include "rewards/sandbox/sandbox.h"
#include "tests/catch.h"
#include "tests/support/skip.h"

using namespace gradus;
using namespace gradus::rewards::sandbox;
namespace fs = std::filesystem;

namespace {

constexpr const char* kPython = "/usr/bin/python3";

// Prints what a statement came to: "fine", or the name of its error.
const std::string kTry = R"py(
import ctypes, fcntl, mmap, os, socket, sys, time
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + [ctypes.c_int] * 3 + [ctypes.c_long]
def raw(call, *args):
    if call(*args) in (-1, 2**64 - 1): raise OSError(ctypes.get_errno(), "")
def attempt(work):
    try: work()
    except OSError as error: return os.strerror(error.errno)
    return "fine"
)py";

/// One for each machine; null: it gives less, or has no Python.
const Sandbox* sandbox_of(Rung rung) {
  static const SandboxProbe probe = probe_sandbox();
  const bool has_landlock = rung != Rung::landlock || probe.landlock_abi > 0;
  if (probe.rung > rung || !has_landlock || !fs::exists(kPython)) {
    tests::skip("needs " + std::string(rung_name(rung)) + " and " + kPython);
    return nullptr;
  }
  static const Sandbox full;
  if (rung == Rung::namespaces) return &full;
  static const Sandbox weak(Isolation::weak, Rung::landlock);
  return &weak;
}

std::string output_of(const Sandbox& sandbox, const std::string& work,
                      const std::vector<std::string>& readable = {}) {
  SandboxConfig config;
  config.command = {kPython, "-c", kTry + "print(attempt(lambda: " + work + "))"};
  config.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}};
  config.limits.memory_bytes = uint64_t{256} << 20;
  config.readable = readable;
  const auto process = sandbox.start(config);
  process->wait_end(deadline_in(20.0));
  process->kill();
  const std::string output = process->output();
  return output.empty() ? process->ending().description() + process->error_output()
                        : output.substr(0, output.size() - 1);
}

}  // namespace

TEST_CASE("memory that no process owns is not to be had", "[rewards][sandbox]") {
  const char* refused = "Operation not permitted";
  for (const Rung rung : {Rung::namespaces, Rung::landlock}) {
    const Sandbox* sandbox = sandbox_of(rung);
    if (sandbox == nullptr) continue;
    CAPTURE(rung_name(rung));
    // Shared without a file: it stays when who filled it lets go of it.
    CHECK(output_of(*sandbox, "mmap.mmap(-1, 4096)") == refused);
    CHECK(output_of(*sandbox, "raw(libc.mmap, None, 4096, 3, 0x21 | 0x40000, -1, 0)") == refused);
    CHECK(output_of(*sandbox, "mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE)") == "fine");
    CHECK(output_of(*sandbox, "raw(libc.mmap, None, 1 << 21, 3, 0x40022, -1, 0)") == refused);
    // The same through a device.
    CHECK(output_of(*sandbox, "mmap.mmap(os.open('/dev/zero', os.O_RDWR), 4096)") != "fine");
    CHECK(output_of(*sandbox, "os.memfd_create('x')") == refused);
    CHECK(output_of(*sandbox, "raw(libc.shmget, 0, 4096, 0o1600)") == refused);
    CHECK(output_of(*sandbox, "raw(libc.inotify_init)") == refused);
    CHECK(output_of(*sandbox, "fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)") == refused);
  }
}

TEST_CASE("zeros can still be read", "[rewards][sandbox]") {
  const Sandbox* sandbox = sandbox_of(Rung::namespaces);
  if (sandbox == nullptr) return;
  CHECK(output_of(*sandbox, "sys.exit(os.read(os.open('/dev/zero', os.O_RDONLY), 3) != bytes(3))")
            .find("status 0") != std::string::npos);
}

TEST_CASE("the buffers of sockets keep their size and count as memory", "[rewards][sandbox]") {
  for (const Rung rung : {Rung::namespaces, Rung::landlock}) {
    const Sandbox* sandbox = sandbox_of(rung);
    if (sandbox == nullptr) continue;
    CAPTURE(rung_name(rung));
    const std::string size =
        "(s := socket.socketpair()[0], o := socket.SO_SNDBUF,"
        " before := s.getsockopt(1, o), s.setsockopt(1, o, 1 << 22),"
        " sys.exit(s.getsockopt(1, o) != before))";
    CHECK(output_of(*sandbox, size).find("status 0") != std::string::npos);
    CHECK(output_of(*sandbox, "socket.socketpair()") == "fine");
    // 256 MB are allowed; a thousand sockets might hold more, filled or not.
    const std::string many =
        "[os.fork() or ([socket.socketpair() for _ in range(100)],"
        " time.sleep(9), os._exit(0)) for _ in range(9)] and time.sleep(9)";
    CHECK(output_of(*sandbox, many).find("passed the memory limit") != std::string::npos);
  }
}

TEST_CASE("sockets with a name are out of reach, whoever listens", "[rewards][sandbox]") {
  std::string name = (fs::temp_directory_path() / "gradus-named-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  fs::permissions(folder, fs::perms::all);
  const fs::path place = folder / "socket";
  const FileDescriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  place.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(::listen(listener.get(), 1) == 0);
  fs::permissions(place, fs::perms::all);
  for (const Rung rung : {Rung::namespaces, Rung::landlock}) {
    const Sandbox* sandbox = sandbox_of(rung);
    if (sandbox == nullptr) continue;
    CAPTURE(rung_name(rung));
    const std::string connect = ".connect('" + place.string() + "')";
    const char* refused = "Operation not permitted";
    CHECK(output_of(*sandbox, "socket.socket(socket.AF_UNIX)" + connect, {folder}) == refused);
    // A pair of datagram sockets could be turned to a name.
    CHECK(output_of(*sandbox, "socket.socketpair(type=socket.SOCK_DGRAM)[0]" + connect, {folder}) ==
          refused);
    CHECK(output_of(*sandbox, "socket.socketpair()[0]" + connect, {folder}) == refused);
  }
  fs::remove_all(folder);
}

TEST_CASE("pipes with a name beside a rule's file are covered", "[rewards][sandbox]") {
  const Sandbox* sandbox = sandbox_of(Rung::namespaces);
  if (sandbox == nullptr) return;
  std::string name = (fs::temp_directory_path() / "gradus-fifo-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  fs::permissions(folder, fs::perms::all);
  fs::create_directory(folder / "deep");
  const std::vector<fs::path> pipes{folder / "pipe", folder / "deep/pipe"};
  for (const fs::path& pipe : pipes) {  // before the folder is shown for the first time
    REQUIRE(::mkfifo(pipe.c_str(), 0666) == 0);
    REQUIRE(::chmod(pipe.c_str(), 0666) == 0);
  }
  for (const fs::path& pipe : pipes) {
    const FileDescriptor end(::open(pipe.c_str(), O_RDWR | O_NONBLOCK));
    REQUIRE(::write(end.get(), "secret", 6) == 6);
    const std::string place = "os.open('" + pipe.string() + "', os.O_NONBLOCK | ";
    CHECK(output_of(*sandbox, place + "os.O_WRONLY)", {folder}) != "fine");
    // An empty file stands in its place.
    const std::string said =
        output_of(*sandbox, "print(os.read(" + place + "os.O_RDONLY), 9))", {folder});
    CHECK(said.find("secret") == std::string::npos);
  }
  fs::remove_all(folder);
}

TEST_CASE("a program's input cannot be grown", "[rewards][sandbox]") {
  const Sandbox* sandbox = sandbox_of(Rung::namespaces);
  if (sandbox == nullptr) return;
  SandboxConfig config;
  config.command = {kPython, "-c",
                    kTry +
                        "print(attempt(lambda: os.write(os.open('/proc/self/fd/0',"
                        " os.O_RDWR | os.O_APPEND), b'more')))"};
  config.input = Input::text;
  config.input_text = "given";
  const auto process = sandbox->start(config);
  REQUIRE(process->wait_end(deadline_in(20.0)));
  CHECK(process->output() != "fine\n");
}
