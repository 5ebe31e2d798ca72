#include "base/log.h"

#include <cstdio>

#include "base/clock.h"
#include "base/printable.h"

namespace gradus {
namespace {

constexpr size_t kMaxMessageBytes = 8000;

const char* level_name(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
    case LogLevel::off:
      break;
  }
  return "off";
}

void write_to_stderr(std::string_view line) {
  std::string bytes(line);
  bytes += '\n';
  std::fwrite(bytes.data(), 1, bytes.size(), stderr);
}

}  // namespace

Log::Log(LogLevel level) : Log(level, write_to_stderr) {}

Log::Log(LogLevel level, Sink sink) : level_(level), sink_(std::move(sink)) {}

void Log::emit(LogLevel level, const std::string& message) {
  const std::string line =
      utc_now() + " " + level_name(level) + ": " + printable(message, kMaxMessageBytes);
  const std::lock_guard lock(mutex_);
  sink_(line);
}

}  // namespace gradus
