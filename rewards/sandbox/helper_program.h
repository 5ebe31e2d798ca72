#pragma once

#include <string>

#include "base/files/file_descriptor.h"

namespace gradus::rewards::sandbox {

/// The helper (helper/main.cpp) as a file that can be executed through /proc/self/fd/N. Its bytes
/// travel inside this library, so that there is no second program to install, to find or to
/// mistake; they are written to memory, or to a nameless temporary file where the kernel forbids
/// programs in memory (vm.memfd_noexec).
/// @throws FileError  neither can be made.
FileDescriptor open_helper_program();

/// The shared library of guard/guard.cpp, for the view of plug-ins.
std::string guard_library();

}  // namespace gradus::rewards::sandbox
