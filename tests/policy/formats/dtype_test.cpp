#include "policy/formats/dtype.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "policy/formats/crc64.h"
#include "policy/formats/float_bits.h"
#include "tests/catch.h"

using namespace gradus::policy;

TEST_CASE("every F16 pattern survives the way to float32 and back", "[policy][formats]") {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float wide = f16_to_f32(half);
    const uint16_t again = f32_to_f16(wide);
    if (std::isnan(wide)) {
      CHECK(((again & 0x7C00) == 0x7C00 && (again & 0x3FF) != 0));
    } else if (again != half) {
      FAIL(bits);
    }
  }
}

TEST_CASE("narrowing to F16 rounds to nearest, ties to even", "[policy][formats]") {
  CHECK(f16_to_f32(f32_to_f16(1.0F + 0x1p-11F)) == 1.0F);
  CHECK(f16_to_f32(f32_to_f16(1.0F + 0x3p-11F)) == 1.0F + 0x1p-9F);
  CHECK(f16_to_f32(f32_to_f16(1.0F + 0x1.002p-11F)) == 1.0F + 0x1p-10F);
  CHECK(f32_to_f16(65519.0F) == 0x7BFF);
  CHECK(f32_to_f16(65520.0F) == 0x7C00);
  CHECK(f32_to_f16(0x1p-25F) == 0);            // a tie goes to zero
  CHECK(f32_to_f16(0x1.01p-25F) == 1);         // the smallest subnormal
  CHECK(f32_to_f16(-0x1.ff8p-15F) == 0x83FF);  // the largest
  // Each value between two neighbours goes to the nearer one.
  for (uint16_t half = 0; half < 0x7BFF; ++half) {
    const double low = f16_to_f32(half);
    const double high = f16_to_f32(half + 1);
    const uint16_t even = (half & 1) == 0 ? half : half + 1;
    const auto middle = static_cast<float>((low + high) / 2);
    if (f32_to_f16(middle) != even) FAIL(half);
    if (f32_to_f16(std::nextafter(middle, 0.0F)) != half) FAIL(half);
    if (f32_to_f16(std::nextafter(middle, 1e9F)) != half + 1) FAIL(half);
  }
}

TEST_CASE("narrowing to BF16 rounds to nearest even and keeps NaN", "[policy][formats]") {
  CHECK(f32_to_bf16(1.0F) == 0x3F80);
  CHECK(f32_to_bf16(1.0F + 0x1p-8F) == 0x3F80);
  CHECK(f32_to_bf16(1.0F + 0x3p-8F) == 0x3F82);
  CHECK(f32_to_bf16(1.0F + 0x1.01p-8F) == 0x3F81);
  CHECK(std::isnan(bf16_to_f32(f32_to_bf16(std::nanf("")))));
  CHECK(f32_to_bf16(3.4e38F) == 0x7F80);
}

TEST_CASE("eight-bit floats decode to the values of their formats", "[policy][formats]") {
  CHECK(f8_e4m3_to_f32(0x7E) == 448.0F);
  CHECK(f8_e4m3_to_f32(0x01) == 0x1p-9F);
  CHECK(f8_e4m3_to_f32(0x08) == 0x1p-6F);
  CHECK(f8_e4m3_to_f32(0xB8) == -1.0F);
  CHECK(std::isnan(f8_e4m3_to_f32(0x7F)));
  CHECK(std::isnan(f8_e4m3_to_f32(0xFF)));
  CHECK(f8_e5m2_to_f32(0x7B) == 57344.0F);
  CHECK(std::isinf(f8_e5m2_to_f32(0x7C)));
  CHECK(f8_e8m0_to_f32(127) == 1.0F);
  CHECK(f8_e8m0_to_f32(0) == 0x1p-127F);
  CHECK(std::isnan(f8_e8m0_to_f32(255)));
}

TEST_CASE("integers that float32 cannot hold are reported", "[policy][formats]") {
  const std::vector<int64_t> values{1, (int64_t{1} << 24), (int64_t{1} << 24) + 1};
  std::vector<float> out(3);
  CHECK(convert_to_f32(DType::I64, std::as_bytes(std::span(values)), out) == size_t{2});
  CHECK(out[1] == 16777216.0F);
  const std::vector<uint8_t> bytes{0, 255};
  out.resize(2);
  CHECK_FALSE(convert_to_f32(DType::U8, std::as_bytes(std::span(bytes)), out));
  CHECK(out[1] == 255.0F);
}

TEST_CASE("sizes that overflow or end inside a block have no byte count", "[policy][formats]") {
  CHECK(dtype_num_bytes(DType::F32, 3) == uint64_t{12});
  CHECK(dtype_num_bytes(DType::Q4_K, 512) == uint64_t{288});
  CHECK_FALSE(dtype_num_bytes(DType::Q8_0, 33));
  CHECK_FALSE(dtype_num_bytes(DType::F64, uint64_t{1} << 61));
}

TEST_CASE("Q8_0 keeps values to half a step", "[policy][formats]") {
  std::vector<float> values(64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i)) * 3.0F;
  std::fill(values.begin() + 32, values.end(), 0.0F);
  std::vector<std::byte> bytes(68);
  CHECK_FALSE(convert_from_f32(DType::Q8_0, values, bytes));
  std::vector<float> again(64);
  CHECK_FALSE(convert_to_f32(DType::Q8_0, bytes, again));
  for (size_t i = 0; i < values.size(); ++i) CHECK(std::fabs(values[i] - again[i]) < 0.0125F);
}

TEST_CASE("the checksum is CRC-64/XZ, however the bytes are cut", "[policy][formats]") {
  const std::string text = "123456789";
  Crc64 crc;
  crc.update(std::as_bytes(std::span(text)));
  CHECK(crc.value() == 0x995DC9BBDF1939FA);
  const std::string longer(1000, 'x');
  Crc64 whole;
  whole.update(std::as_bytes(std::span(longer)));
  Crc64 parts;
  for (size_t i = 0; i < longer.size(); i += 7) {
    const auto part = std::string_view(longer).substr(i, 7);
    parts.update(std::as_bytes(std::span(part)));
  }
  CHECK(whole.value() == parts.value());
}
