#include "rl/run/loggers/tensorboard.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr std::array<uint32_t, 256> make_crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    table[i] = crc;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

template <class T>
void put_fixed(std::string& out, T value) {
  static_assert(std::endian::native == std::endian::little);
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

void put_varint(std::string& out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Protobuf keys: field number << 3 | wire type (0 varint, 1 fixed64, 2 length-delimited, 5
// fixed32).
void put_bytes(std::string& out, int field, std::string_view bytes) {
  put_varint(out, static_cast<uint64_t>(field) << 3 | 2);
  put_varint(out, bytes.size());
  out += bytes;
}

std::string event_head(double wall_time) {
  std::string event;
  event.push_back(1 << 3 | 1);  // Event.wall_time
  put_fixed(event, wall_time);
  return event;
}

uint32_t masked_crc(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8U;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  uint32_t crc = ~0U;
  for (const char c : bytes) crc = kCrcTable[(crc ^ static_cast<uint8_t>(c)) & 0xff] ^ (crc >> 8);
  return ~crc;
}

std::string encode_record(std::string_view data) {
  std::string record;
  put_fixed(record, static_cast<uint64_t>(data.size()));
  put_fixed(record, masked_crc(record));
  record += data;
  put_fixed(record, masked_crc(data));
  return record;
}

std::string encode_version_event(double wall_time) {
  std::string event = event_head(wall_time);
  put_bytes(event, 3, "brain.Event:2");  // Event.file_version
  return event;
}

std::string encode_scalar_event(double wall_time, int64_t step,
                                const std::map<std::string, double>& scalars) {
  std::string event = event_head(wall_time);
  event.push_back(2 << 3 | 0);  // Event.step
  put_varint(event, static_cast<uint64_t>(step));
  std::string summary;
  for (const auto& [tag, scalar] : scalars) {
    std::string value;
    put_bytes(value, 1, tag);     // Summary.Value.tag
    value.push_back(2 << 3 | 5);  // Summary.Value.simple_value
    put_fixed(value, static_cast<float>(scalar));
    put_bytes(summary, 1, value);  // Summary.value
  }
  put_bytes(event, 5, summary);  // Event.summary
  return event;
}

TensorboardWriter::TensorboardWriter(std::filesystem::path path, int64_t num_bytes,
                                     double wall_time)
    : path_(std::move(path)), num_bytes_(num_bytes) {
  fd_ = open_file(path_, O_WRONLY | O_CREAT | O_APPEND);
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0)
    throw_file_error(path_, "open_failed", "cannot be measured", errno);
  if (status.st_size < num_bytes)
    throw FileError(path_.string(), "truncated",
                    fmt::format("has {} bytes, expected at least {}",
                                static_cast<int64_t>(status.st_size), num_bytes));
  if (uninterrupted([&] { return ::ftruncate(fd_.get(), num_bytes); }) != 0)
    throw_file_error(path_, "write_failed", "cannot be truncated", errno);
  if (num_bytes == 0) append(encode_record(encode_version_event(wall_time)));
}

void TensorboardWriter::write(double wall_time, int64_t step,
                              const std::map<std::string, double>& scalars) {
  if (!scalars.empty()) append(encode_record(encode_scalar_event(wall_time, step, scalars)));
}

void TensorboardWriter::append(const std::string& record) {
  try {
    write_all(fd_.get(), std::as_bytes(std::span(record)), path_);
  } catch (const FileError&) {
    // Readers stop at a torn record, so that later ones would be lost as well. Cutting a file
    // shorter needs no space; should it fail all the same, the first error is the one to report.
    uninterrupted([&] { return ::ftruncate(fd_.get(), num_bytes_); });
    throw;
  }
  num_bytes_ += static_cast<int64_t>(record.size());
}

void TensorboardWriter::sync() {
  sync_file(fd_.get(), path_);
}

extern const LoggerKind kTensorboard;
const LoggerKind kTensorboard{"tensorboard", "events that TensorBoard draws", "events",
                              [](const std::filesystem::path& run, int64_t num_bytes,
                                 double wall_time) -> std::unique_ptr<Logger> {
                                return std::make_unique<TensorboardWriter>(
                                    run / "events.out.tfevents.gradus", num_bytes, wall_time);
                              }};

}  // namespace gradus::rl
