#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/files/file_descriptor.h"
#include "rl/run/loggers/logger.h"

namespace gradus::rl {

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78) of the bytes.
uint32_t crc32c(std::string_view bytes);

/// One record of a TFRecord file, little endian:
///   uint64 length | uint32 masked crc32c of the length | data | uint32 masked crc32c of the data
/// masked(c) = rotate_right(c, 15) + 0xa282ead8.
std::string encode_record(std::string_view data);

/// tensorflow.Event protobuf that opens every event file: {wall_time, file_version
/// "brain.Event:2"}.
std::string encode_version_event(double wall_time);

/// tensorflow.Event protobuf {wall_time, step, summary {value {tag, simple_value} ...}}.
std::string encode_scalar_event(double wall_time, int64_t step,
                                const std::map<std::string, double>& scalars);

/// Scalars as TensorBoard reads them, without protobuf. Values are stored as float32; those that
/// are not finite are kept, TensorBoard draws them as gaps.
class TensorboardWriter : public Logger {
 public:
  /// Opens or creates the file and drops what lies past `num_bytes`, the size a checkpoint noted;
  /// an empty file gets the version event.
  /// @throws FileError  it cannot be written, or is shorter than num_bytes (kind "truncated").
  TensorboardWriter(std::filesystem::path path, int64_t num_bytes, double wall_time);

  /// @throws FileError  kind "disk_full" or "write_failed"; the file is as it was before.
  void write(double wall_time, int64_t step, const std::map<std::string, double>& scalars) override;

  void sync() override;
  int64_t num_bytes() const override { return num_bytes_; }

 private:
  void append(const std::string& record);

  std::filesystem::path path_;
  FileDescriptor fd_;
  int64_t num_bytes_;
};

}  // namespace gradus::rl
