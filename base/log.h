#pragma once

#include <fmt/core.h>

#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace gradus {

enum class LogLevel { debug, info, warning, error, off };

/// Lines for the person who watches a run: "2026-03-01T12:34:56Z warning: step 12: ...".
///
/// Passed by reference to who needs it; there is no global log. Any thread may log; lines do not
/// mix. Control characters of a message are escaped and it is cut at 8,000 bytes, so that text
/// from outside can neither forge a line nor drive a terminal.
class Log {
 public:
  using Sink = std::function<void(std::string_view line)>;  // the line without its newline

  /// Writes to stderr.
  explicit Log(LogLevel level = LogLevel::info);
  /// Writes to `sink`, one call at a time.
  Log(LogLevel level, Sink sink);

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::debug, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::info, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void warning(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::warning, format, std::forward<Args>(args)...);
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) {
    write(LogLevel::error, format, std::forward<Args>(args)...);
  }

  LogLevel level() const { return level_; }

 private:
  template <class... Args>
  void write(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    if (level < level_) return;
    emit(level, fmt::format(format, std::forward<Args>(args)...));
  }
  void emit(LogLevel level, const std::string& message);

  LogLevel level_;
  Sink sink_;
  std::mutex mutex_;
};

}  // namespace gradus
