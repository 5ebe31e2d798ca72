#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/error.h"
#include "policy/formats/checkpoint_source.h"
#include "tests/catch.h"
#include "tests/support/file_error.h"
#include "tests/support/fixtures.h"
#include "tests/support/temporary_folder.h"

namespace gradus::policy {

using tests::file_error_kind;

inline std::filesystem::path parity(const std::string& name) {
  return tests::fixture("parity/" + name);
}

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// A safetensors file made by hand: any header, any data.
inline std::string safetensors_bytes(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  return std::string(reinterpret_cast<const char*>(&length), 8) + header + data;
}

template <class Action>
std::string file_error_text(Action&& action) {
  try {
    action();
  } catch (const FileError& error) {
    return error.what();
  }
  return "";
}

inline std::vector<float> values_of(const CheckpointSource& source, const std::string& name) {
  std::vector<float> values(source.info(name).num_elements);
  source.read_f32(name, values);
  return values;
}

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * 4) == 0;
}

}  // namespace gradus::policy
