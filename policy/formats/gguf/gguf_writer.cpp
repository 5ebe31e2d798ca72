#include "policy/formats/gguf/gguf_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "policy/formats/gguf/gguf.h"

namespace gradus::policy {
namespace {

constexpr uint64_t kAlignment = 32;
// Elements per piece: whole blocks of every type.
constexpr uint64_t kPieceElements = 256 * 1024;

uint64_t aligned(uint64_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

/// The front part, gathered in memory: it is small beside the data.
class Front {
 public:
  template <class Number>
  void number(Number value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  void string(const std::string& text) {
    number(uint64_t{text.size()});
    text_ += text;
  }

  void value(const GgufValue& value) {
    number(static_cast<uint32_t>(value.type));
    if (const GgufArray* list = value.array()) return array(*list);
    std::visit([&](const auto& v) { item(value.type, v); }, value.value);
  }

  void pad() { text_.resize(aligned(text_.size()), '\0'); }
  const std::string& text() const { return text_; }

 private:
  void array(const GgufArray& list) {
    number(static_cast<uint32_t>(list.item_type));
    number(uint64_t{list.size()});
    std::visit(
        [&](const auto& items) {
          for (const auto& v : items) item(list.item_type, v);
        },
        list.items);
  }

  void item(GgufType, const std::string& text) { string(text); }
  void item(GgufType, const GgufArray& list) { array(list); }
  template <class Number>
  void item(GgufType type, Number v) {
    switch (type) {
      case GgufType::u8:
      case GgufType::boolean:
        return number(static_cast<uint8_t>(v));
      case GgufType::i8:
        return number(static_cast<int8_t>(v));
      case GgufType::u16:
        return number(static_cast<uint16_t>(v));
      case GgufType::i16:
        return number(static_cast<int16_t>(v));
      case GgufType::u32:
        return number(static_cast<uint32_t>(v));
      case GgufType::i32:
        return number(static_cast<int32_t>(v));
      case GgufType::u64:
        return number(static_cast<uint64_t>(v));
      case GgufType::i64:
        return number(static_cast<int64_t>(v));
      case GgufType::f32:
        return number(static_cast<float>(v));
      case GgufType::f64:
        return number(static_cast<double>(v));
      default:
        throw ArgumentError("a GGUF value's type does not match what it holds");
    }
  }

  std::string text_;
};

struct Placed {
  const FloatTensor* tensor;
  DType dtype;
  uint64_t num_elements;
  uint64_t num_bytes;
  uint64_t offset;
};

std::vector<Placed> place(const std::vector<FloatTensor>& tensors, DType wanted) {
  std::vector<Placed> placed;
  std::set<std::string_view> names;
  uint64_t offset = 0;
  for (const FloatTensor& tensor : tensors) {
    const DType dtype = gguf_tensor_dtype(tensor.shape, wanted);
    const auto elements = shape_elements(tensor.shape);
    const auto bytes = elements ? dtype_num_bytes(dtype, *elements) : std::nullopt;
    if (!bytes || tensor.shape.size() > 4 || !names.insert(tensor.name).second) {
      throw ArgumentError(
          fmt::format("tensor \"{}\" of shape {} cannot be written, or is given "
                      "twice",
                      tensor.name, shape_text(tensor.shape)));
    }
    placed.push_back({&tensor, dtype, *elements, *bytes, offset});
    offset += aligned(*bytes);
  }
  return placed;
}

std::string front_part(const GgufEntries& entries, const std::vector<Placed>& placed) {
  Front front;
  front.number(uint32_t{0x46554747});  // "GGUF"
  front.number(uint32_t{3});
  front.number(uint64_t{placed.size()});
  front.number(uint64_t{entries.size()});
  std::set<std::string_view> keys;
  for (const auto& [key, value] : entries) {
    if (!keys.insert(key).second) throw ArgumentError("the GGUF key " + key + " is given twice");
    front.string(key);
    front.value(value);
  }
  for (const Placed& p : placed) {
    const auto& shape = p.tensor->shape;
    front.string(p.tensor->name);
    front.number(static_cast<uint32_t>(shape.size()));
    for (auto it = shape.rbegin(); it != shape.rend(); ++it)
      front.number(static_cast<uint64_t>(*it));
    front.number(*ggml_from_dtype(p.dtype));
    front.number(p.offset);
  }
  front.pad();
  return front.text();
}

void write_tensor(AtomicFile& file, const Placed& p) {
  std::vector<float> values(std::min(kPieceElements, p.num_elements));
  std::vector<std::byte> bytes;
  for (uint64_t first = 0; first < p.num_elements; first += kPieceElements) {
    const auto part = std::span(values).first(std::min(kPieceElements, p.num_elements - first));
    p.tensor->read(static_cast<int64_t>(first), part);
    check_finite(file.path().string(), p.tensor->name, part);
    bytes.resize(*dtype_num_bytes(p.dtype, part.size()));
    if (const auto overflow = convert_from_f32(p.dtype, part, bytes)) {
      throw FileError(file.path().string(), "nonfinite_weights",
                      fmt::format("{}[{}] is {}, beyond {}; write F32 or BF16", p.tensor->name,
                                  first + *overflow, part[*overflow], dtype_name(p.dtype)));
    }
    file.write(std::span<const std::byte>(bytes));
  }
  const std::vector<std::byte> padding(aligned(p.num_bytes) - p.num_bytes);
  file.write(std::span<const std::byte>(padding));
}

}  // namespace

DType gguf_tensor_dtype(const std::vector<int64_t>& shape, DType wanted) {
  if (wanted != DType::F32 && wanted != DType::F16 && wanted != DType::BF16 &&
      wanted != DType::Q8_0) {
    throw ArgumentError(fmt::format("GGUF files are written as F32, F16, BF16 or Q8_0, not {}",
                                    dtype_name(wanted)));
  }
  if (shape.size() < 2) return DType::F32;
  if (wanted == DType::Q8_0 && shape.back() % 32 != 0) return DType::F16;
  return wanted;
}

void write_gguf_file(const std::filesystem::path& path, const GgufEntries& entries,
                     const std::vector<FloatTensor>& tensors, DType wanted) {
  const std::vector<Placed> placed = place(tensors, wanted);
  const std::string front = front_part(entries, placed);
  AtomicFile file(path);
  file.write(std::string_view(front));
  for (const Placed& p : placed) write_tensor(file, p);
  file.commit();
}

}  // namespace gradus::policy
