#include "policy/formats/gguf/gguf.h"

#include "policy/formats/gguf/gguf_writer.h"
#include "policy/formats/safetensors/safetensors.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using namespace gradus::tests;

namespace {

/// A GGUF file put together piece by piece, right or wrong.
struct Builder {
  std::string bytes;

  template <class Number>
  Builder& put(Number value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  Builder& text(const std::string& s) {
    put(uint64_t{s.size()});
    bytes += s;
    return *this;
  }
  Builder& front(uint64_t tensors, uint64_t entries, uint32_t version = 3) {
    bytes += "GGUF";
    return put(version).put(tensors).put(entries);
  }
  Builder& tensor(const std::string& name, const std::vector<uint64_t>& dims, uint32_t type,
                  uint64_t offset) {
    text(name).put(static_cast<uint32_t>(dims.size()));
    for (const uint64_t d : dims) put(d);
    return put(type).put(offset);
  }
  Builder& data(size_t size) {
    bytes.resize((bytes.size() + 31) / 32 * 32 + size);
    return *this;
  }
  std::string kind() const {
    const TemporaryFolder dir(in_memory());
    write_bytes(dir / "a.gguf", bytes);
    return file_error_kind([&] { GgufFile::open(dir / "a.gguf"); });
  }
};

}  // namespace

TEST_CASE("every block type dequantises to the reference's bits", "[policy][formats][parity]") {
  const auto gguf = GgufFile::open(parity("gguf_quants/quants.gguf"));
  const auto expected = SafetensorsFile::open(parity("gguf_quants/expected.safetensors"));
  REQUIRE(expected.tensors().size() == gguf.tensors().size());
  for (const TensorInfo& info : expected.tensors()) {
    INFO(info.name);
    REQUIRE(gguf.find(info.name) != nullptr);
    CHECK(gguf.find(info.name)->shape == info.shape);
    std::vector<float> wanted(info.num_elements);
    std::vector<float> got(info.num_elements);
    expected.read_f32(info.name, wanted);
    gguf.read_f32(info.name, got);
    CHECK(same_bits(got, wanted));
  }
}

TEST_CASE("GGUF values of every type are read", "[policy][formats][parity]") {
  const auto gguf = GgufFile::open(parity("gguf_quants/quants.gguf"));
  CHECK(*gguf.entry("general.architecture")->text() == "llama");
  CHECK(gguf.entry("test.u32")->whole() == int64_t{7});
  CHECK(gguf.entry("test.flag")->flag() == true);
  CHECK(gguf.entry("test.f64")->real() == 0.5);
  CHECK(gguf.entry("test.i64")->whole() == int64_t{-9});
  CHECK(*gguf.entry("test.text")->text() == "na\u00efve \u2603");
  CHECK(*gguf.entry("test.strings")->strings() == std::vector<std::string>{"a", "", "\u00fc"});
  const auto* ints = gguf.entry("test.ints")->array();
  REQUIRE(ints != nullptr);
  CHECK(std::get<std::vector<int64_t>>(ints->items) == std::vector<int64_t>{1, -2, 3});
  CHECK(gguf.entry("absent") == nullptr);
}

TEST_CASE("a float32 key gives its shortest decimal", "[policy][formats]") {
  CHECK(GgufValue::f32(1e-5F).real() == 1e-5);
  CHECK(GgufValue::f32(500000.0F).real() == 500000.0);
}

TEST_CASE("GGUF fronts that lie are refused by kind", "[policy][formats][fault]") {
  CHECK(Builder{}.front(0, 0).kind() == "none");
  CHECK(Builder{}.front(0, 0, 2).kind() == "none");
  CHECK(Builder{}.front(0, 0, 1).kind() == "bad_header");
  CHECK(Builder{}.front(0, 0, 4).kind() == "bad_header");
  CHECK(Builder{}.front(0, 0, 0x03000000).kind() == "bad_header");
  CHECK(Builder{"GGJT0000000000000000"}.kind() == "bad_header");
  CHECK(Builder{}.front(uint64_t{1} << 60, 0).kind() == "checkpoint_truncated");
  CHECK(Builder{}.front(0, uint64_t{1} << 60).kind() == "checkpoint_truncated");
  const uint32_t u8 = 0;
  const uint32_t flag = 7;
  const uint32_t text = 8;
  const uint32_t array = 9;
  CHECK(Builder{}.front(0, 1).text("k").put(u8).put(uint8_t{1}).kind() == "none");
  CHECK(Builder{}.front(0, 1).text("k").put(flag).put(uint8_t{2}).kind() == "bad_header");
  CHECK(Builder{}.front(0, 1).text("k").put(uint32_t{13}).put(uint64_t{2}).kind() == "bad_header");
  CHECK(Builder{}.front(0, 1).text("k").put(text).put(uint64_t{1} << 62).kind() ==
        "checkpoint_truncated");
  CHECK(Builder{}.front(0, 1).text("k").put(array).put(text).put(uint64_t{1} << 61).kind() ==
        "checkpoint_truncated");
  CHECK(Builder{}
            .front(0, 2)
            .text("k")
            .put(u8)
            .put(uint8_t{1})
            .text("k")
            .put(u8)
            .put(uint8_t{1})
            .kind() == "bad_header");
  Builder nested;
  nested.front(0, 1).text("k").put(array);
  for (int i = 0; i < 1000; ++i) nested.put(array).put(uint64_t{1});
  CHECK(nested.kind() == "bad_header");
}

TEST_CASE("GGUF tensors that do not fit are refused by kind", "[policy][formats][fault]") {
  const uint32_t f32 = 0;
  const uint32_t q8 = 8;
  CHECK(Builder{}.front(1, 0).tensor("a", {4}, f32, 0).data(16).kind() == "none");
  CHECK(Builder{}.front(1, 0).tensor("a", {}, f32, 0).data(4).kind() == "none");
  CHECK(Builder{}.front(1, 0).tensor("a", {4}, f32, 0).data(15).kind() == "checkpoint_truncated");
  CHECK(Builder{}.front(1, 0).tensor("a", {4}, f32, 8).data(64).kind() == "bad_offsets");
  CHECK(Builder{}.front(1, 0).tensor("a", {4}, f32, ~uint64_t{31}).data(64).kind() ==
        "bad_offsets");
  CHECK(Builder{}.front(1, 0).tensor("a", {1, 1, 1, 1, 1}, f32, 0).data(64).kind() == "bad_shape");
  CHECK(Builder{}.front(1, 0).tensor("a", {~uint64_t{0}}, f32, 0).data(64).kind() == "bad_shape");
  const uint64_t large = uint64_t{1} << 31;
  CHECK(Builder{}.front(1, 0).tensor("a", {large, large, large}, f32, 0).data(64).kind() ==
        "bad_shape");
  CHECK(Builder{}.front(1, 0).tensor("a", {16, 2}, q8, 0).data(64).kind() == "bad_shape");
  CHECK(Builder{}.front(1, 0).tensor("a", {32}, 20, 0).data(64).kind() == "unsupported_dtype");
  CHECK(Builder{}.front(2, 0).tensor("a", {4}, f32, 0).tensor("a", {4}, f32, 32).data(64).kind() ==
        "duplicate_tensor");
  CHECK(Builder{}.front(2, 0).tensor("a", {9}, f32, 0).tensor("b", {4}, f32, 32).data(64).kind() ==
        "bad_offsets");
  const auto with_alignment = [&](uint32_t alignment) {
    return Builder{}
        .front(1, 1)
        .text("general.alignment")
        .put(uint32_t{4})
        .put(alignment)
        .tensor("a", {4}, f32, 0)
        .data(64)
        .kind();
  };
  CHECK(with_alignment(8) == "none");
  CHECK(with_alignment(0) == "bad_header");
  CHECK(with_alignment(24) == "bad_header");
}

TEST_CASE("a GGUF file reads back as it was written", "[policy][formats]") {
  const TemporaryFolder dir(in_memory());
  std::vector<float> matrix(2 * 64);
  for (size_t i = 0; i < matrix.size(); ++i) matrix[i] = static_cast<float>(i) / 64.0F;
  const std::vector<float> norm{1.5F, 2.5F, 3.1415926F};
  const GgufEntries entries{{"general.architecture", GgufValue::string("test")},
                            {"a.strings", GgufValue::strings({"x", ""})},
                            {"a.scores", GgufValue::f32s({0.5, -1})},
                            {"a.types", GgufValue::i32s({1, -3})},
                            {"a.flag", GgufValue::boolean(true)}};
  for (const DType dtype : {DType::F32, DType::F16, DType::BF16, DType::Q8_0}) {
    write_gguf_file(dir / "a.gguf", entries,
                    {float_tensor("m", {2, 64}, matrix), float_tensor("n", {3}, norm)}, dtype);
    const auto gguf = GgufFile::open(dir / "a.gguf");
    CHECK(gguf.find("m")->dtype == dtype);
    CHECK(gguf.find("m")->shape == std::vector<int64_t>{2, 64});
    CHECK(gguf.find("n")->dtype == DType::F32);
    std::vector<float> out(128);
    gguf.read_f32("m", out);
    for (size_t i = 0; i < out.size(); ++i) CHECK(out[i] == Approx(matrix[i]).margin(0.008));
    out.resize(3);
    gguf.read_f32("n", out);
    CHECK(out == norm);
    CHECK(*gguf.entry("a.strings")->strings() == std::vector<std::string>{"x", ""});
    CHECK(gguf.entry("a.flag")->flag() == true);
    CHECK(std::get<std::vector<double>>(gguf.entry("a.scores")->array()->items)[1] == -1.0);
  }
  CHECK(gguf_tensor_dtype({4, 48}, DType::Q8_0) == DType::F16);
}
