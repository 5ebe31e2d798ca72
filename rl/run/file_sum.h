#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gradus::rl {

/// By what a file is recognised again.
struct FileSum {
  int64_t num_bytes = 0;
  std::string crc64;  ///< 16 hexadecimal digits, see policy/formats/crc64.h
};

/// Reads the whole file, a few megabytes at a time. @throws FileError
FileSum sum_of_file(const std::filesystem::path& path);

}  // namespace gradus::rl
