#include "rewards/sandbox/helper_program.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <span>

// The build puts the paths of both here and makes this file depend on them.
asm(".pushsection .rodata\n"
    ".balign 16\n"
    "gradus_sandbox_helper_begin:\n"
    ".incbin \"" GRADUS_SANDBOX_HELPER
    "\"\n"
    "gradus_sandbox_helper_end:\n"
    ".byte 0\n"
    ".balign 16\n"
    "gradus_sandbox_guard_begin:\n"
    ".incbin \"" GRADUS_SANDBOX_GUARD
    "\"\n"
    "gradus_sandbox_guard_end:\n"
    ".byte 0\n"
    ".popsection\n");

extern "C" {
extern const std::byte gradus_sandbox_helper_begin[];
extern const std::byte gradus_sandbox_helper_end[];
extern const char gradus_sandbox_guard_begin[];
extern const char gradus_sandbox_guard_end[];
}

namespace gradus::rewards::sandbox {
namespace {

constexpr unsigned kExecutable = 0x10;  // MFD_EXEC, Linux 6.3

FileDescriptor memory_file() {
  for (const unsigned flag : {kExecutable, 0U}) {
    const long fd =
        ::syscall(SYS_memfd_create, "gradus-sandbox", MFD_CLOEXEC | MFD_ALLOW_SEALING | flag);
    if (fd >= 0) return FileDescriptor(static_cast<int>(fd));
  }
  return {};
}

// Written, then opened for reading alone: a file that is open for writing cannot be executed.
FileDescriptor temporary_file(std::span<const std::byte> program) {
  std::string path = (std::filesystem::temp_directory_path() / "gradus-sandbox-XXXXXX").string();
  FileDescriptor file(::mkostemp(path.data(), O_CLOEXEC));
  if (!file.is_open()) throw_file_error(path, "write_failed", "cannot be made", errno);
  write_all(file.get(), program, path);
  ::fchmod(file.get(), 0500);
  FileDescriptor readable = open_file(path, O_RDONLY);
  ::unlink(path.c_str());
  return readable;
}

}  // namespace

FileDescriptor open_helper_program() {
  const std::span program(gradus_sandbox_helper_begin, gradus_sandbox_helper_end);
  FileDescriptor file = memory_file();
  if (!file.is_open()) return temporary_file(program);
  write_all(file.get(), program, "gradus-sandbox");
  ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
  if (::access(("/proc/self/fd/" + std::to_string(file.get())).c_str(), X_OK) != 0) {
    return temporary_file(program);
  }
  return file;
}

std::string guard_library() {
  return {gradus_sandbox_guard_begin, gradus_sandbox_guard_end};
}

}  // namespace gradus::rewards::sandbox
