#include "policy/formats/safetensors/safetensors.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "policy/formats/crc64.h"
#include "policy/formats/safetensors/safetensors_checksums.h"
#include "policy/formats/safetensors/safetensors_header.h"

namespace gradus::policy {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr uint64_t kLengthBytes = 8;

std::string read_header_text(const MappedFile& file) {
  const std::string path = file.path().string();
  if (file.size() < kLengthBytes) {
    throw FileError(path, "checkpoint_truncated",
                    fmt::format("has {} bytes; a safetensors file has at least 8", file.size()));
  }
  uint64_t length = 0;
  file.read(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > kMaxHeaderBytes) {
    throw FileError(path, "header_too_large",
                    fmt::format("declares a header of {} bytes; at most {} are accepted (is it a "
                                "safetensors file?)",
                                length, kMaxHeaderBytes));
  }
  if (length > file.size() - kLengthBytes) {
    throw FileError(path, "checkpoint_truncated",
                    fmt::format("expected at least {} bytes (a header of {}), has {}",
                                length + kLengthBytes, length, file.size()));
  }
  std::string text(length, '\0');
  file.read(kLengthBytes, std::as_writable_bytes(std::span(text)));
  return text;
}

void check_size(const std::string& path, uint64_t expected, uint64_t actual) {
  if (actual < expected) {
    throw FileError(path, "checkpoint_truncated",
                    fmt::format("expected {} bytes, has {}", expected, actual));
  }
  if (actual > expected) {
    throw FileError(path, "bad_offsets",
                    fmt::format("has {} bytes after its last tensor (expected {} bytes in all, has "
                                "{})",
                                actual - expected, expected, actual));
  }
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  MappedFile file(path);
  const std::string text = read_header_text(file);
  SafetensorsHeader header = parse_safetensors_header(text, path.string());
  const uint64_t data_begin = kLengthBytes + text.size();
  uint64_t expected = 0;
  if (__builtin_add_overflow(data_begin, header.data_bytes, &expected)) {
    throw FileError(path.string(), "bad_offsets", "the data ends beyond 2^64");
  }
  check_size(path.string(), expected, file.size());
  for (TensorInfo& tensor : header.tensors) tensor.offset += data_begin;
  return {std::move(file), std::move(header.tensors), std::move(header.metadata)};
}

SafetensorsFile::SafetensorsFile(MappedFile file, std::vector<TensorInfo> tensors,
                                 std::map<std::string, std::string> metadata)
    : file_(std::move(file)), tensors_(std::move(tensors)), metadata_(std::move(metadata)) {
  for (size_t i = 0; i < tensors_.size(); ++i) index_.emplace(tensors_[i].name, i);
  checksums_ = parse_checksums(metadata_, tensors_, path().string());
}

const TensorInfo* SafetensorsFile::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

const TensorInfo& SafetensorsFile::info(std::string_view name) const {
  if (const TensorInfo* found = find(name)) return *found;
  throw FileError(path().string(), "tensor_missing",
                  fmt::format("has no tensor \"{}\" ({} others)", name, tensors_.size()));
}

void SafetensorsFile::check(const TensorInfo& info, const Crc64& crc) const {
  const auto it = checksums_.find(info.name);
  if (it == checksums_.end() || it->second == crc.value()) return;
  throw FileError(path().string(), "checksum_mismatch",
                  fmt::format("tensor \"{}\" has CRC-64 {:016x}, {:016x} was written; the file was "
                              "damaged, use another copy",
                              info.name, crc.value(), it->second));
}

void SafetensorsFile::read_f32(std::string_view name, std::span<float> out) const {
  const TensorInfo& tensor = info(name);
  file_.prefetch(tensor.offset, tensor.num_bytes);
  Crc64 crc = has_checksums() ? begin_tensor_crc(tensor) : Crc64{};
  read_tensor_f32(file_, tensor, out, has_checksums() ? &crc : nullptr);
  if (has_checksums()) check(tensor, crc);
}

void SafetensorsFile::read_raw(std::string_view name, std::span<std::byte> out) const {
  const TensorInfo& tensor = info(name);
  if (out.size() != tensor.num_bytes) {
    throw ArgumentError(fmt::format("{}: {} has {} bytes, the caller gave room for {}",
                                    path().string(), tensor.name, tensor.num_bytes, out.size()));
  }
  file_.read(tensor.offset, out);
  if (!has_checksums()) return;
  Crc64 crc = begin_tensor_crc(tensor);
  crc.update(out);
  check(tensor, crc);
}

std::span<const std::byte> SafetensorsFile::view(std::string_view name) const {
  const TensorInfo& tensor = info(name);
  return file_.view(tensor.offset, tensor.num_bytes);
}

void SafetensorsFile::verify() const {
  std::vector<std::byte> piece(256 * 1024);
  for (const TensorInfo& tensor : tensors_) {
    Crc64 crc = begin_tensor_crc(tensor);
    for (uint64_t done = 0; done < tensor.num_bytes;) {
      const auto part =
          std::span(piece).first(std::min<uint64_t>(piece.size(), tensor.num_bytes - done));
      file_.read(tensor.offset + done, part);
      crc.update(part);
      done += part.size();
    }
    check(tensor, crc);
  }
}

}  // namespace gradus::policy
