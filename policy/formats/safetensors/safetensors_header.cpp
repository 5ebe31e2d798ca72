#include "policy/formats/safetensors/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "base/error.h"

namespace gradus::policy {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr size_t kMaxRank = 32;

/// One tensor's entry as it is read, before it is checked as a whole.
struct Entry {
  std::string name;
  std::set<std::string> fields;
  std::optional<std::string> dtype;
  std::vector<int64_t> shape;
  std::vector<uint64_t> offsets;
};

/// Names in messages are cut: a hostile header may hold megabytes of them.
std::string shown(std::string_view name) {
  return name.size() <= 200 ? std::string(name) : std::string(name.substr(0, 200)) + "...";
}

/// Receives nlohmann-json's events. A header has four levels; `place_` is where we stand.
class HeaderEvents final : public nlohmann::json_sax<json> {
 public:
  HeaderEvents(const std::string& path, SafetensorsHeader& header) : path_(path), header_(header) {}

  bool null() override { return scalar("null"); }
  bool boolean(bool) override { return scalar("a truth value"); }
  bool number_integer(number_integer_t) override { return scalar("a negative number"); }
  bool number_float(number_float_t, const string_t&) override {
    return scalar("a fraction or too large a number");
  }
  bool binary(binary_t&) override { return scalar("binary"); }

  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::shape) return add_dimension(value);
    if (place_ == Place::offsets) {
      if (entry_.offsets.size() == 2) fail("bad_offsets", "data_offsets has more than two numbers");
      entry_.offsets.push_back(value);
      return true;
    }
    return scalar("a number");
  }

  bool string(string_t& value) override {
    if (place_ == Place::metadata) {
      header_.metadata[key_] = value;
      return true;
    }
    if (place_ == Place::entry && key_ == "dtype") {
      entry_.dtype = value;
      return true;
    }
    return scalar("a string");
  }

  bool start_object(std::size_t) override {
    descend();
    switch (place_) {
      case Place::outside:
        place_ = Place::root;
        return true;
      case Place::root:
        place_ = key_ == "__metadata__" ? Place::metadata : Place::entry;
        entry_ = Entry{.name = key_, .fields = {}, .dtype = {}, .shape = {}, .offsets = {}};
        return true;
      default:
        return nested("an object");
    }
  }

  bool end_object() override {
    --depth_;
    if (place_ == Place::skipped) return leave_skipped();
    if (place_ == Place::entry) finish_entry();
    place_ = place_ == Place::root ? Place::outside : Place::root;
    return true;
  }

  bool start_array(std::size_t) override {
    descend();
    if (place_ == Place::entry && (key_ == "shape" || key_ == "data_offsets")) {
      place_ = key_ == "shape" ? Place::shape : Place::offsets;
      return true;
    }
    return nested("an array");
  }

  bool end_array() override {
    --depth_;
    if (place_ == Place::skipped) return leave_skipped();
    place_ = Place::entry;
    return true;
  }

  bool key(string_t& value) override {
    if (place_ == Place::skipped) return true;
    key_ = value;
    if (place_ == Place::root && !names_.insert(value).second) {
      throw FileError(path_, "duplicate_tensor",
                      fmt::format("the header names \"{}\" twice", shown(value)));
    }
    if (place_ == Place::metadata && header_.metadata.count(value) > 0) {
      throw FileError(path_, "bad_header",
                      fmt::format("__metadata__ has the key \"{}\" twice", shown(value)));
    }
    if (place_ == Place::entry && !entry_.fields.insert(value).second) {
      fail("bad_header", fmt::format("the field \"{}\" occurs twice", shown(value)));
    }
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& e) override {
    throw FileError(
        path_, "bad_header",
        fmt::format("the header is not valid JSON at byte {}: {}", position, shown(e.what())));
  }

 private:
  enum class Place { outside, root, metadata, entry, shape, offsets, skipped };

  [[noreturn]] void fail(const char* kind, const std::string& what) const {
    throw FileError(path_, kind, fmt::format("tensor \"{}\": {}", shown(entry_.name), what));
  }

  void descend() {
    if (++depth_ > kMaxDepth) {
      throw FileError(path_, "bad_header",
                      fmt::format("the header is nested deeper than {}", kMaxDepth));
    }
  }

  // A value other than the one expected here: fine inside fields that we do not know.
  bool scalar(const char* what) const {
    const bool is_ours = key_ == "dtype" || key_ == "shape" || key_ == "data_offsets";
    switch (place_) {
      case Place::skipped:
        return true;
      case Place::entry:
        if (!is_ours) return true;
        fail("bad_header", fmt::format("its {} is {}", key_, what));
      case Place::shape:
        fail("bad_shape", fmt::format("a dimension is {}", what));
      case Place::offsets:
        fail("bad_offsets", fmt::format("an offset is {}", what));
      case Place::metadata:
        throw FileError(path_, "bad_header",
                        fmt::format("__metadata__ \"{}\" is {}, not a string", shown(key_), what));
      default:
        throw FileError(
            path_, "bad_header",
            place_ == Place::root
                ? fmt::format("the entry \"{}\" is {}, not an object", shown(key_), what)
                : fmt::format("the header is {}, not an object", what));
    }
  }

  bool nested(const char* what) {
    if (place_ != Place::skipped) {
      scalar(what);
      skipped_from_ = depth_;
      place_ = Place::skipped;
    }
    return true;
  }

  bool leave_skipped() {
    if (depth_ + 1 == skipped_from_) place_ = Place::entry;
    return true;
  }

  bool add_dimension(uint64_t value) {
    if (value > static_cast<uint64_t>(kMaxDimension)) {
      fail("bad_shape", fmt::format("a dimension is {}; at most 2^31 is accepted", value));
    }
    if (entry_.shape.size() == kMaxRank) {
      fail("bad_shape", fmt::format("has more than {} dimensions", kMaxRank));
    }
    entry_.shape.push_back(static_cast<int64_t>(value));
    return true;
  }

  void finish_entry() {
    for (const char* field : {"dtype", "shape", "data_offsets"}) {
      if (entry_.fields.count(field) == 0) fail("bad_header", fmt::format("has no {}", field));
    }
    const auto dtype = dtype_from_safetensors(*entry_.dtype);
    if (!dtype) {
      fail("unsupported_dtype", fmt::format("its dtype is \"{}\"; supported are {}",
                                            shown(*entry_.dtype), safetensors_dtype_names()));
    }
    if (entry_.offsets.size() != 2 || entry_.offsets[0] > entry_.offsets[1]) {
      fail("bad_offsets", "data_offsets is not [begin, end] with begin <= end");
    }
    const auto elements = shape_elements(entry_.shape);
    const auto bytes = elements ? dtype_num_bytes(*dtype, *elements) : std::nullopt;
    if (!bytes) fail("bad_shape", fmt::format("{} overflows 64 bits", shape_text(entry_.shape)));
    if (*bytes != entry_.offsets[1] - entry_.offsets[0]) {
      fail("bad_offsets", fmt::format("{} of {} takes {} bytes, its data_offsets span {}",
                                      shape_text(entry_.shape), dtype_name(*dtype), *bytes,
                                      entry_.offsets[1] - entry_.offsets[0]));
    }
    header_.tensors.push_back(TensorInfo{.name = std::move(entry_.name),
                                         .dtype = *dtype,
                                         .shape = std::move(entry_.shape),
                                         .num_elements = *elements,
                                         .num_bytes = *bytes,
                                         .offset = entry_.offsets[0]});
  }

  const std::string& path_;
  SafetensorsHeader& header_;
  Place place_ = Place::outside;
  int depth_ = 0;
  int skipped_from_ = 0;
  std::string key_;
  Entry entry_;
  std::set<std::string> names_;
};

/// Tensors must tile the data from 0 on, so that no byte is read twice or escapes notice.
void check_tiling(SafetensorsHeader& header, const std::string& path) {
  std::sort(header.tensors.begin(), header.tensors.end(), [](const auto& a, const auto& b) {
    return std::pair(a.offset, a.offset + a.num_bytes) <
           std::pair(b.offset, b.offset + b.num_bytes);
  });
  uint64_t end = 0;
  for (const TensorInfo& tensor : header.tensors) {
    if (tensor.offset != end) {
      throw FileError(path, "bad_offsets",
                      fmt::format("tensor \"{}\" begins at {}, but the one before ends at {} ({})",
                                  shown(tensor.name), tensor.offset, end,
                                  tensor.offset < end ? "they overlap" : "a hole"));
    }
    end += tensor.num_bytes;
  }
  header.data_bytes = end;
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& path) {
  if (text.empty() || text.front() != '{') {
    throw FileError(path, "bad_header", "the header does not begin with '{'");
  }
  // nlohmann-json takes a NUL for the end of the text.
  if (text.find('\0') != std::string_view::npos) {
    throw FileError(path, "bad_header", "the header contains a NUL byte");
  }
  SafetensorsHeader header;
  HeaderEvents events(path, header);
  json::sax_parse(text, &events);
  check_tiling(header, path);
  return header;
}

}  // namespace gradus::policy
