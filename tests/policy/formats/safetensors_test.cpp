#include "policy/formats/safetensors/safetensors.h"

#include <cmath>

#include "policy/formats/safetensors/safetensors_writer.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using namespace gradus::tests;

namespace {

std::string kind_of(const std::string& header, const std::string& data) {
  const TemporaryFolder dir(in_memory());
  write_bytes(dir / "a.safetensors", safetensors_bytes(header, data));
  return file_error_kind([&] { SafetensorsFile::open(dir / "a.safetensors"); });
}

std::string entry(const std::string& name, const std::string& rest) {
  return "\"" + name + "\":{" + rest + "}";
}

const std::string kEight(8, '\0');

void write_sample(const std::filesystem::path& path) {
  static const std::vector<float> a{1, 2, 3, 4, 5, 6};
  static const std::vector<float> b{0.5F, -0.25F};
  write_safetensors(path,
                    {narrow(float_tensor("b", {2}, b), DType::BF16),
                     narrow(float_tensor("a", {2, 3}, a), DType::F32)},
                    {{"format", "pt"}});
}

}  // namespace

TEST_CASE("a safetensors file reads back as it was written", "[policy][formats]") {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "model.safetensors";
  write_sample(path);
  const auto file = SafetensorsFile::open(path);
  REQUIRE(file.tensors().size() == 2);
  CHECK(file.tensors()[0].name == "a");  // wider elements come first
  CHECK(file.tensors()[0].offset % 8 == 0);
  CHECK(file.metadata().at("format") == "pt");
  CHECK(file.has_checksums());
  std::vector<float> values(6);
  file.read_f32("a", values);
  CHECK(values == std::vector<float>{1, 2, 3, 4, 5, 6});
  std::vector<std::byte> raw(4);
  file.read_raw("b", raw);
  CHECK(raw[1] == std::byte{0x3F});
  CHECK(file.view("a").size() == 24);
  CHECK_NOTHROW(file.verify());
  CHECK(file_error_kind([&] { file.info("c"); }) == "tensor_missing");
}

TEST_CASE("headers that lie about their length are refused before memory is taken",
          "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "a.safetensors";
  const auto kind_for = [&](uint64_t length, const std::string& rest) {
    write_bytes(path, std::string(reinterpret_cast<const char*>(&length), 8) + rest);
    return file_error_kind([&] { SafetensorsFile::open(path); });
  };
  CHECK(kind_for(0, "") == "bad_header");
  CHECK(kind_for(1, "{") == "bad_header");
  CHECK(kind_for(7, "{\"a\":{}") == "bad_header");
  CHECK(kind_for(uint64_t{1} << 63, "{}") == "header_too_large");
  CHECK(kind_for(100'000'001, "{}") == "header_too_large");
  CHECK(kind_for(3, "{}") == "checkpoint_truncated");
  CHECK(kind_for(2, "{}") == "none");
  CHECK(kind_for(4, "{}  ") == "none");
  write_bytes(path, "1234567");
  CHECK(file_error_kind([&] { SafetensorsFile::open(path); }) == "checkpoint_truncated");
}

TEST_CASE("malformed safetensors headers are refused by kind", "[policy][formats][fault]") {
  const std::string good = R"("dtype":"F32","shape":[2],"data_offsets":[0,8])";
  CHECK(kind_of("{" + entry("a", good) + "}", kEight) == "none");
  CHECK(kind_of("{" + entry("a", good + R"(,"note":{"x":[1,{"y":null}]})") + "}", kEight) ==
        "none");
  CHECK(kind_of(" {" + entry("a", good) + "}", kEight) == "bad_header");
  CHECK(kind_of("{" + entry("a", good) + "}" + std::string(3, '\0'), kEight) == "bad_header");
  CHECK(kind_of("{" + entry("a", good) + "} x", kEight) == "bad_header");
  CHECK(kind_of("[1]", "") == "bad_header");
  CHECK(kind_of("{\"\xff\":{}}", "") == "bad_header");
  CHECK(kind_of("{\"a\":" + std::string(100000, '['), "") == "bad_header");
  CHECK(kind_of("{" + entry("a", good + ",\"x\":" + std::string(100, '[') + std::string(100, ']')) +
                    "}",
                kEight) == "bad_header");
  CHECK(kind_of("{" + entry("a", good) + "," + entry("a", good) + "}", kEight) ==
        "duplicate_tensor");
  CHECK(kind_of("{" + entry("a", good + R"(,"dtype":"F32")") + "}", kEight) == "bad_header");
  CHECK(kind_of(R"({"__metadata__":{"a":1}})", "") == "bad_header");
  CHECK(kind_of(R"({"__metadata__":{"a":"1","a":"2"}})", "") == "bad_header");
  CHECK(kind_of(R"({"a":3})", "") == "bad_header");
  CHECK(kind_of("{" + entry("a", R"("dtype":"F32","shape":[2])") + "}", kEight) == "bad_header");
}

TEST_CASE("tensors must tile the data without holes or overlaps", "[policy][formats][fault]") {
  const auto f32 = [](const std::string& shape, const std::string& offsets) {
    return "\"dtype\":\"F32\",\"shape\":[" + shape + "],\"data_offsets\":[" + offsets + "]";
  };
  const auto two = [&](const std::string& a, const std::string& b) {
    return "{" + entry("a", f32("1", a)) + "," + entry("b", f32("1", b)) + "}";
  };
  CHECK(kind_of(two("0,4", "4,8"), kEight) == "none");
  CHECK(kind_of(two("4,8", "0,4"), kEight) == "none");  // order in the header is free
  CHECK(kind_of(two("0,4", "0,4"), kEight) == "bad_offsets");
  CHECK(kind_of(two("0,4", "8,12"), kEight + kEight) == "bad_offsets");
  CHECK(kind_of("{" + entry("a", f32("1", "4,8")) + "}", kEight) == "bad_offsets");
  CHECK(kind_of("{" + entry("a", f32("2", "8,0")) + "}", kEight) == "bad_offsets");
  CHECK(kind_of("{" + entry("a", f32("2", "0,8")) + "}", kEight + "x") == "bad_offsets");
  CHECK(kind_of("{" + entry("a", f32("2", "0,8")) + "}", "1234567") == "checkpoint_truncated");
  CHECK(kind_of("{" + entry("a", f32("3", "0,8")) + "}", kEight) == "bad_offsets");
  CHECK(kind_of("{" + entry("a", f32("2", "0,8")) + "," + entry("z", f32("0", "4,4")) + "}",
                kEight) == "bad_offsets");
  CHECK(kind_of(
            "{" + entry("a", f32("2", "0,8")) + "," + entry("z", f32("0,2147483648", "8,8")) + "}",
            kEight) == "none");
  CHECK(kind_of("{" + entry("z", f32("0,4611686018427387904", "0,0")) + "}", "") == "bad_shape");
  CHECK(kind_of("{" + entry("a", f32("-2", "0,8")) + "}", kEight) == "bad_shape");
  CHECK(kind_of("{" + entry("a", f32("2.0", "0,8")) + "}", kEight) == "bad_shape");
  CHECK(kind_of("{" + entry("a", f32("18446744073709551616", "0,8")) + "}", kEight) == "bad_shape");
  CHECK(kind_of("{" + entry("a", f32("2147483648,2147483648,2147483648", "0,8")) + "}", kEight) ==
        "bad_shape");
  std::string ones = "2";
  for (int i = 1; i < 100; ++i) ones += ",1";
  CHECK(kind_of("{" + entry("a", f32(ones, "0,8")) + "}", kEight) == "bad_shape");
}

TEST_CASE("an unknown dtype is refused with the list of known ones", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "a.safetensors";
  write_bytes(path,
              safetensors_bytes(
                  "{" + entry("a", R"("dtype":"F4","shape":[2],"data_offsets":[0,1])") + "}", "x"));
  const std::string text = file_error_text([&] { SafetensorsFile::open(path); });
  CHECK(text.find("F4") != std::string::npos);
  CHECK(text.find("BF16") != std::string::npos);
}

TEST_CASE("data at odd offsets is read correctly", "[policy][formats]") {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "a.safetensors";
  const float value = 3.25F;
  write_bytes(path, safetensors_bytes(
                        "{" + entry("a", R"("dtype":"U8","shape":[1],"data_offsets":[0,1])") + "," +
                            entry("b", R"("dtype":"F32","shape":[],"data_offsets":[1,5])") + "}",
                        "x" + std::string(reinterpret_cast<const char*>(&value), 4)));
  const auto file = SafetensorsFile::open(path);
  std::vector<float> out(1);
  file.read_f32("b", out);
  CHECK(out[0] == 3.25F);
  CHECK_FALSE(file.has_checksums());
}

TEST_CASE("any flipped bit of a file that Gradus wrote is noticed", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "model.safetensors";
  write_sample(path);
  const std::string bytes = bytes_of(path);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    write_bytes(path, damaged);
    const std::string kind = file_error_kind([&] { SafetensorsFile::open(path).verify(); });
    if (kind == "none") {
      INFO("bit " << bit % 8 << " of byte " << bit / 8 << ": " << bytes.substr(bit / 8 - 8, 16));
      CHECK(kind == "refused");
    }
    if (bit / 8 >= bytes.size() - 28) CHECK(kind == "checksum_mismatch");
  }
}

TEST_CASE("a file cut at any byte is refused", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "model.safetensors";
  write_sample(path);
  const std::string bytes = bytes_of(path);
  for (size_t size = 0; size < bytes.size(); ++size) {
    write_bytes(path, bytes.substr(0, size));
    CHECK(file_error_kind([&] { SafetensorsFile::open(path); }) == "checkpoint_truncated");
  }
}

TEST_CASE("a file truncated after it was opened is refused, not a crash",
          "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  const auto path = dir / "model.safetensors";
  const std::vector<float> values(100000, 1.0F);
  write_safetensors(path, {narrow(float_tensor("a", {100000}, values), DType::F32)}, {});
  const auto file = SafetensorsFile::open(path);
  std::filesystem::resize_file(path, 5000);
  std::vector<float> out(100000);
  CHECK(file_error_kind([&] { file.read_f32("a", out); }) == "checkpoint_truncated");
  CHECK(file_error_kind([&] { file.view("a"); }) == "checkpoint_truncated");
}

TEST_CASE("values that are not finite are never saved", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  const std::vector<float> bad{1.0F, std::nanf("")};
  const std::vector<float> large{1e6F};
  const auto write = [&](const std::vector<float>& values, DType dtype) {
    return file_error_kind([&] {
      write_safetensors(dir / "a.safetensors",
                        {narrow(float_tensor("a", {int64_t(values.size())}, values), dtype)}, {});
    });
  };
  CHECK(write(bad, DType::F32) == "nonfinite_weights");
  CHECK(write(large, DType::F16) == "nonfinite_weights");
  CHECK_FALSE(std::filesystem::exists(dir / "a.safetensors"));
  CHECK(write(large, DType::BF16) == "none");
}
