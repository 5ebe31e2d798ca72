#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <string>

namespace gradus::rewards::sandbox {

/// Lines that the helper sends its owner: "exit 0", "signal 9", "memory", "processes",
/// "warn no /proc: memory and processes of a tree are not watched", "setup mount /proc: Operation
/// not permitted", "cpu_us 1200", "peak_kb 9000".

/// Sends one line on kControl; what cannot be sent is lost, the owner then knows only of the end.
void report(const std::string& line);

/// Reports that `what` failed with errno and ends the process.
[[noreturn]] void fail_setup(const std::string& what);
[[noreturn]] void fail_setup(const std::string& what, int number);

/// Reports how a program ended and what it used.
void report_end(int wait_status, const rusage& usage);

}  // namespace gradus::rewards::sandbox
