#include "policy/formats/gguf/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/printable.h"
#include "policy/formats/gguf/gguf_cursor.h"

namespace gradus::policy {
namespace {

constexpr uint64_t kMinEntryBytes = 8 + 4 + 1;       // empty key, type, one byte
constexpr uint64_t kMinTensorBytes = 8 + 4 + 4 + 8;  // empty name, no dimensions, type, offset
constexpr uint64_t kMaxNameBytes = 65535;
constexpr uint32_t kMaxDimensions = 4;

struct GgmlType {
  uint32_t id;
  DType dtype;
};
constexpr std::array<GgmlType, 18> kGgmlTypes{{
    {0, DType::F32},
    {1, DType::F16},
    {2, DType::Q4_0},
    {3, DType::Q4_1},
    {6, DType::Q5_0},
    {7, DType::Q5_1},
    {8, DType::Q8_0},
    {10, DType::Q2_K},
    {11, DType::Q3_K},
    {12, DType::Q4_K},
    {13, DType::Q5_K},
    {14, DType::Q6_K},
    {24, DType::I8},
    {25, DType::I16},
    {26, DType::I32},
    {27, DType::I64},
    {28, DType::F64},
    {30, DType::BF16},
}};

struct Counts {
  uint64_t tensors;
  uint64_t entries;
};

Counts read_preamble(GgufCursor& in) {
  const auto magic = in.number<uint32_t>();
  if (magic == 0x47475546) in.fail("bad_header", "is a big-endian GGUF file; convert it");
  if (magic != 0x46554747) {
    in.fail("bad_header",
            "does not begin with \"GGUF\" (older ggml files must be converted with "
            "llama.cpp's tools)");
  }
  const auto version = in.number<uint32_t>();
  if ((version & 0xFFFF) == 0 && version != 0) {
    in.fail("bad_header",
            "is a big-endian GGUF file; convert it with gguf-py's "
            "gguf_convert_endian.py");
  }
  if (version != 2 && version != 3) {
    in.fail("bad_header",
            fmt::format("is GGUF version {}; versions 2 and 3 are read{}", version,
                        version == 1 ? ", convert it again with a newer llama.cpp" : ""));
  }
  const auto tensors = in.number<uint64_t>();
  const auto entries = in.number<uint64_t>();
  if (tensors > in.left() / kMinTensorBytes || entries > in.left() / kMinEntryBytes) {
    in.fail("checkpoint_truncated",
            fmt::format("declares {} tensors and {} metadata entries, which cannot lie in {} bytes",
                        tensors, entries, in.left()));
  }
  return {tensors, entries};
}

std::map<std::string, GgufValue> read_metadata(GgufCursor& in, uint64_t num_entries) {
  std::map<std::string, GgufValue> metadata;
  for (uint64_t i = 0; i < num_entries; ++i) {
    std::string key = in.string(kMaxNameBytes);
    GgufValue value = in.value();
    const auto [it, is_new] = metadata.emplace(std::move(key), std::move(value));
    if (!is_new) {
      in.fail("bad_header", fmt::format("has the key \"{}\" twice", printable(it->first, 200)));
    }
  }
  return metadata;
}

TensorInfo read_tensor(GgufCursor& in) {
  TensorInfo info;
  info.name = in.string(kMaxNameBytes);
  const std::string name = printable(info.name, 200);
  const auto num_dimensions = in.number<uint32_t>();
  if (num_dimensions > kMaxDimensions) {
    in.fail("bad_shape", fmt::format("tensor \"{}\" has {} dimensions", name, num_dimensions));
  }
  for (uint32_t i = 0; i < num_dimensions; ++i) {
    const auto dimension = in.number<uint64_t>();
    if (dimension > static_cast<uint64_t>(kMaxDimension)) {
      in.fail("bad_shape", fmt::format("tensor \"{}\" has a dimension of {}; at most 2^31 is "
                                       "accepted",
                                       name, dimension));
    }
    info.shape.insert(info.shape.begin(), static_cast<int64_t>(dimension));
  }
  const auto id = in.number<uint32_t>();
  const auto dtype = dtype_from_ggml(id);
  if (!dtype) {
    in.fail("unsupported_dtype",
            fmt::format("tensor \"{}\" has ggml type {}; supported are F32, F16, BF16, F64, I8, "
                        "I16, I32, I64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 and Q2_K to Q6_K. Quantise "
                        "the model to one of these",
                        name, id));
  }
  info.dtype = *dtype;
  info.offset = in.number<uint64_t>();
  const auto elements = shape_elements(info.shape);
  const uint64_t row = info.shape.empty() ? 1 : static_cast<uint64_t>(info.shape.back());
  const auto bytes = elements ? dtype_num_bytes(*dtype, *elements) : std::nullopt;
  if (!bytes || row % dtype_block_elements(*dtype) != 0) {
    in.fail("bad_shape", fmt::format("tensor \"{}\": {} of {} overflows or ends inside a block",
                                     name, shape_text(info.shape), dtype_name(*dtype)));
  }
  info.num_elements = *elements;
  info.num_bytes = *bytes;
  return info;
}

uint64_t alignment_of(const GgufCursor& in, const std::map<std::string, GgufValue>& metadata) {
  const auto it = metadata.find("general.alignment");
  if (it == metadata.end()) return 32;
  const auto alignment = it->second.whole();
  if (!alignment || *alignment <= 0 || !std::has_single_bit(static_cast<uint64_t>(*alignment))) {
    in.fail("bad_header", "general.alignment is not a power of two");
  }
  return static_cast<uint64_t>(*alignment);
}

/// Makes offsets absolute and checks that each tensor lies in the file, aligned, on its own.
void place_tensors(const GgufCursor& in, std::vector<TensorInfo>& tensors, uint64_t alignment) {
  uint64_t begin = 0;
  if (__builtin_add_overflow(in.position(), alignment - 1, &begin)) {
    in.fail("bad_header", "general.alignment is too large");
  }
  begin &= ~(alignment - 1);
  std::sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.offset, a.num_bytes) < std::pair(b.offset, b.num_bytes);
  });
  uint64_t previous_end = begin;
  for (TensorInfo& tensor : tensors) {
    const std::string name = printable(tensor.name, 200);
    uint64_t end = 0;
    if (tensor.offset % alignment != 0 ||
        __builtin_add_overflow(begin, tensor.offset, &tensor.offset) ||
        __builtin_add_overflow(tensor.offset, tensor.num_bytes, &end)) {
      in.fail("bad_offsets", fmt::format("tensor \"{}\" is not at a multiple of {} or ends beyond "
                                         "2^64",
                                         name, alignment));
    }
    if (end > in.size()) {
      in.fail("checkpoint_truncated",
              fmt::format("expected at least {} bytes (tensor \"{}\" ends there), has {}", end,
                          name, in.size()));
    }
    if (tensor.offset < previous_end) {
      in.fail("bad_offsets", fmt::format("tensor \"{}\" overlaps the one before", name));
    }
    previous_end = end;
  }
}

void refuse_split(const GgufCursor& in, const std::map<std::string, GgufValue>& metadata) {
  const auto it = metadata.find("split.count");
  const int64_t count = it == metadata.end() ? 1 : it->second.whole().value_or(1);
  if (count <= 1) return;
  in.fail("bad_header", fmt::format("is one of {} parts of a split model; join them first with "
                                    "llama-gguf-split --merge",
                                    count));
}

}  // namespace

std::optional<DType> dtype_from_ggml(uint32_t id) {
  for (const GgmlType& type : kGgmlTypes) {
    if (type.id == id) return type.dtype;
  }
  return std::nullopt;
}

std::optional<uint32_t> ggml_from_dtype(DType dtype) {
  for (const GgmlType& type : kGgmlTypes) {
    if (type.dtype == dtype) return type.id;
  }
  return std::nullopt;
}

GgufFile GgufFile::open(const std::filesystem::path& path) {
  MappedFile file(path);
  GgufCursor in(file);
  const Counts counts = read_preamble(in);
  auto metadata = read_metadata(in, counts.entries);
  refuse_split(in, metadata);
  std::vector<TensorInfo> tensors;
  for (uint64_t i = 0; i < counts.tensors; ++i) tensors.push_back(read_tensor(in));
  place_tensors(in, tensors, alignment_of(in, metadata));
  return {std::move(file), std::move(metadata), std::move(tensors)};
}

GgufFile::GgufFile(MappedFile file, std::map<std::string, GgufValue> metadata,
                   std::vector<TensorInfo> tensors)
    : file_(std::move(file)), metadata_(std::move(metadata)), tensors_(std::move(tensors)) {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (index_.emplace(tensors_[i].name, i).second) continue;
    throw FileError(path().string(), "duplicate_tensor",
                    fmt::format("has two tensors \"{}\"", printable(tensors_[i].name, 200)));
  }
}

const GgufValue* GgufFile::entry(std::string_view key) const {
  const auto it = metadata_.find(std::string(key));
  return it == metadata_.end() ? nullptr : &it->second;
}

const TensorInfo* GgufFile::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? nullptr : &tensors_[it->second];
}

void GgufFile::read_f32(std::string_view name, std::span<float> out) const {
  const TensorInfo* info = find(name);
  if (info == nullptr) {
    throw FileError(path().string(), "tensor_missing", fmt::format("has no tensor \"{}\"", name));
  }
  file_.prefetch(info->offset, info->num_bytes);
  read_tensor_f32(file_, *info, out, nullptr);
}

}  // namespace gradus::policy
