#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/settings/registry.h"

namespace gradus::rl {

/// Where a run's figures go beside metrics.jsonl: a file below the run's folder that grows.
class Logger {
 public:
  virtual ~Logger() = default;
  /// The figures of a step, whole or not at all.
  /// @param wall_time  seconds since 1970. @throws FileError  the file is as it was before.
  virtual void write(double wall_time, int64_t step,
                     const std::map<std::string, double>& values) = 0;
  /// Makes what was written durable. @throws FileError
  virtual void sync() = 0;
  virtual int64_t num_bytes() const = 0;
};

/// One value of `run.loggers`.
struct LoggerKind {
  std::string_view name;
  std::string_view text;
  std::string_view key;  ///< of the file's size in a checkpoint's state
  /// Opens the file and drops what lies past `num_bytes`, the size that a checkpoint noted.
  std::unique_ptr<Logger> (*open)(const std::filesystem::path& run, int64_t num_bytes,
                                  double wall_time);
};

const Registry<LoggerKind>& loggers();

}  // namespace gradus::rl
