#include "policy/formats/safetensors/safetensors_checksums.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace gradus::policy {
namespace {

[[noreturn]] void mismatch(const std::string& path, const std::string& what) {
  throw FileError(path, "checksum_mismatch",
                  what + "; the file was damaged after it was written, use another copy");
}

uint64_t parse_hex(const nlohmann::json& value, const std::string& name, const std::string& path) {
  uint64_t crc = 0;
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    const char* end = text.data() + text.size();
    // Lower case only, as it was written: a flipped bit can turn a letter's case.
    const bool is_lower = text.find_first_of("ABCDEF") == std::string::npos;
    if (is_lower && text.size() == 16 && std::from_chars(text.data(), end, crc, 16).ptr == end)
      return crc;
  }
  mismatch(path, "the checksum of \"" + name + "\" is not readable");
}

// One flipped bit in the key or in the prefix must not turn the check off.
const std::string* find_entry(const std::map<std::string, std::string>& metadata,
                              const std::string& path) {
  for (const auto& [key, value] : metadata) {
    const bool has_key = key == kChecksumKey;
    const bool has_prefix = value.starts_with(kChecksumPrefix);
    if (has_key != has_prefix) mismatch(path, "the checksums' own entry is damaged");
    if (has_key) return &value;
  }
  return nullptr;
}

}  // namespace

Crc64 begin_tensor_crc(const TensorInfo& info) {
  const std::string text =
      info.name + '\0' + std::string(dtype_name(info.dtype)) + '\0' + shape_text(info.shape) + '\0';
  Crc64 crc;
  crc.update(std::as_bytes(std::span(text)));
  return crc;
}

uint64_t metadata_crc(const std::map<std::string, std::string>& metadata) {
  Crc64 crc;
  for (const auto& [key, value] : metadata) {
    if (key == kChecksumKey) continue;
    const std::string text = key + '\0' + value + '\0';
    crc.update(std::as_bytes(std::span(text)));
  }
  return crc.value();
}

std::string format_checksums(const std::map<std::string, uint64_t>& checksums) {
  nlohmann::json entries = nlohmann::json::object();
  for (const auto& [name, crc] : checksums) entries[name] = fmt::format("{:016x}", crc);
  return std::string(kChecksumPrefix) + entries.dump();
}

std::unordered_map<std::string, uint64_t> parse_checksums(
    const std::map<std::string, std::string>& metadata, const std::vector<TensorInfo>& tensors,
    const std::string& path) {
  std::unordered_map<std::string, uint64_t> checksums;
  const std::string* entry = find_entry(metadata, path);
  if (entry == nullptr) return checksums;
  nlohmann::json entries;
  try {
    entries = parse_json(std::string_view(*entry).substr(kChecksumPrefix.size()), path);
  } catch (const FileError& e) {
    mismatch(path, std::string("the checksums are not readable: ") + e.what());
  }
  if (!entries.is_object()) mismatch(path, "the checksums are not an object");
  for (const auto& [name, value] : entries.items()) checksums[name] = parse_hex(value, name, path);
  const auto own = checksums.extract(std::string(kMetadataEntry));
  if (own.empty() || own.mapped() != metadata_crc(metadata)) {
    mismatch(path, "the checksum of __metadata__ does not match");
  }
  for (const TensorInfo& tensor : tensors) {
    if (checksums.count(tensor.name) == 0) {
      mismatch(path, "tensor \"" + tensor.name + "\" has no checksum while others have one");
    }
  }
  if (checksums.size() != tensors.size()) {
    mismatch(path, fmt::format("{} tensors have checksums, {} are in the file", checksums.size(),
                               tensors.size()));
  }
  return checksums;
}

}  // namespace gradus::policy
