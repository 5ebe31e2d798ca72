#include "policy/formats/safetensors/safetensors_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "policy/formats/crc64.h"
#include "policy/formats/safetensors/safetensors_checksums.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {
namespace {

// A multiple of every element size.
constexpr uint64_t kPieceBytes = 1 << 20;

TensorInfo describe(const RawTensor& tensor, uint64_t offset) {
  const auto elements = shape_elements(tensor.shape);
  const auto bytes = elements ? dtype_num_bytes(tensor.dtype, *elements) : std::nullopt;
  if (!bytes) {
    throw ArgumentError(fmt::format("tensor \"{}\": {} of {} cannot be written", tensor.name,
                                    shape_text(tensor.shape), dtype_name(tensor.dtype)));
  }
  return {.name = tensor.name,
          .dtype = tensor.dtype,
          .shape = tensor.shape,
          .num_elements = *elements,
          .num_bytes = *bytes,
          .offset = offset};
}

template <class Use>
uint64_t read_all(const RawTensor& tensor, const TensorInfo& info, Use&& use) {
  std::vector<std::byte> piece(std::min(kPieceBytes, info.num_bytes));
  Crc64 crc = begin_tensor_crc(info);
  for (uint64_t done = 0; done < info.num_bytes;) {
    const auto part = std::span(piece).first(std::min(kPieceBytes, info.num_bytes - done));
    tensor.read(done, part);
    crc.update(part);
    use(std::span<const std::byte>(part));
    done += part.size();
  }
  return crc.value();
}

void sort_as_reference(std::vector<RawTensor>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const RawTensor& a, const RawTensor& b) {
    const uint64_t size_a = dtype_block_bytes(a.dtype);
    const uint64_t size_b = dtype_block_bytes(b.dtype);
    return std::tie(size_b, a.dtype, a.name) < std::tie(size_a, b.dtype, b.name);
  });
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (dtype_from_safetensors(dtype_name(tensors[i].dtype)).has_value()) continue;
    throw ArgumentError(fmt::format("tensor \"{}\": safetensors has no dtype {}", tensors[i].name,
                                    dtype_name(tensors[i].dtype)));
  }
}

std::string header_text(const std::vector<TensorInfo>& infos,
                        const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header;
  header["__metadata__"] = metadata;
  for (const TensorInfo& info : infos) {
    if (header.contains(info.name)) {
      throw ArgumentError(fmt::format("two tensors are called \"{}\"", info.name));
    }
    header[info.name] = {{"dtype", dtype_name(info.dtype)},
                         {"shape", info.shape},
                         {"data_offsets", {info.offset, info.offset + info.num_bytes}}};
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::vector<RawTensor> tensors,
                       std::map<std::string, std::string> metadata) {
  sort_as_reference(tensors);
  std::vector<TensorInfo> infos;
  std::map<std::string, uint64_t> checksums;
  uint64_t offset = 0;
  for (const RawTensor& tensor : tensors) {
    infos.push_back(describe(tensor, offset));
    offset += infos.back().num_bytes;
    checksums[tensor.name] = read_all(tensor, infos.back(), [](auto) {});
  }
  metadata.erase(std::string(kChecksumKey));
  std::map<std::string, uint64_t> listed = checksums;
  listed[std::string(kMetadataEntry)] = metadata_crc(metadata);
  metadata[std::string(kChecksumKey)] = format_checksums(listed);

  const std::string header = header_text(infos, metadata);
  const uint64_t length = header.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::string_view(header));
  for (size_t i = 0; i < tensors.size(); ++i) {
    const uint64_t crc = read_all(tensors[i], infos[i], [&](auto bytes) { file.write(bytes); });
    if (crc == checksums.at(tensors[i].name)) continue;
    throw ArgumentError(fmt::format("{}: tensor \"{}\" changed while it was being written",
                                    path.string(), tensors[i].name));
  }
  file.commit();
}

}  // namespace gradus::policy
