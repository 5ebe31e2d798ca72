#include <cmath>
#include <random>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/float_bits.h"
#include "policy/formats/hf/fp8_writer.h"
#include "policy/formats/hf/hf_writer.h"
#include "policy/formats/hf/shared_copies.h"
#include "policy/formats/model_config.h"
#include "policy/formats/safetensors/safetensors.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using namespace gradus::tests;
namespace fs = std::filesystem;

namespace {

struct Loaded {
  std::unique_ptr<CheckpointSource> source;
  ModelConfig config;
  std::map<std::string, std::vector<float>> values;

  explicit Loaded(const fs::path& path)
      : source(open_checkpoint(path)), config(load_model_config(*source)) {
    check_tensors(config, *source);
    for (const TensorSpec& spec : expected_tensors(config)) {
      values[spec.name] = values_of(*source, spec.name);
    }
  }

  HfCheckpoint checkpoint(DType dtype) const {
    HfCheckpoint out;
    out.config = config.raw;
    out.dtype = dtype;
    for (const TensorSpec& spec : expected_tensors(config)) {
      out.tensors.push_back(float_tensor(spec.name, spec.shape, values.at(spec.name)));
    }
    return out;
  }
};

std::vector<std::byte> raw_bytes(const SafetensorsFile& file, const std::string& name) {
  std::vector<std::byte> bytes(file.info(name).num_bytes);
  file.read_raw(name, bytes);
  return bytes;
}

void check_same_values(const Loaded& a, const Loaded& b) {
  REQUIRE(a.values.size() == b.values.size());
  for (const auto& [name, values] : a.values) {
    INFO(name);
    CHECK(same_bits(values, b.values.at(name)));
  }
}

/// One FP8 matrix "w.weight" with scales "w.weight_scale_inv".
struct TinyFp8 {
  std::vector<int64_t> shape{3, 5};
  std::vector<uint8_t> codes = std::vector<uint8_t>(15, 0x38);  // 1.0
  DType weight_dtype = DType::F8_E4M3;
  std::vector<int64_t> scale_shape{2, 3};
  std::vector<float> scales{1, 2, 3, 4, 5, 6};
  DType scale_dtype = DType::F32;
  bool has_weight = true;
  bool has_scales = true;
  nlohmann::json quantization{{"quant_method", "fp8"}, {"weight_block_size", {2, 2}}};

  std::string write_and_read(std::vector<float>* values = nullptr) const {
    const TemporaryFolder dir(in_memory());
    std::vector<RawTensor> tensors;
    const auto raw = [](std::string name, DType dtype, std::vector<int64_t> shape,
                        std::vector<std::byte> bytes) {
      return RawTensor{std::move(name), dtype, std::move(shape),
                       [bytes](uint64_t first, std::span<std::byte> out) {
                         std::copy_n(bytes.begin() + first, out.size(), out.begin());
                       }};
    };
    const auto code_bytes = std::as_bytes(std::span(codes));
    if (has_weight) {
      tensors.push_back(
          raw("w.weight", weight_dtype, shape, {code_bytes.begin(), code_bytes.end()}));
    }
    std::vector<std::byte> scale_bytes(*dtype_num_bytes(scale_dtype, scales.size()));
    if (scale_dtype == DType::F32 || scale_dtype == DType::BF16) {
      convert_from_f32(scale_dtype, scales, scale_bytes);
    }
    if (has_scales) {
      tensors.push_back(raw("w.weight_scale_inv", scale_dtype, scale_shape, scale_bytes));
    }
    write_safetensors(dir / "model.safetensors", std::move(tensors), {{"format", "pt"}});
    nlohmann::json config = nlohmann::json::object();
    if (!quantization.is_null()) config["quantization_config"] = quantization;
    write_bytes(dir / "config.json", config.dump());
    return file_error_text([&] {
      const auto source = open_checkpoint(dir.path());
      const auto read = values_of(*source, "w.weight");
      if (values != nullptr) *values = read;
    });
  }
};

void check_refused(const TinyFp8& file, const std::string& name) {
  const std::string text = file.write_and_read();
  INFO(text);
  CHECK(text.find(name) != std::string::npos);
}

}  // namespace

TEST_CASE("E4M3 numbers round trip, and float32 goes to the nearest of them",
          "[policy][formats][fp8]") {
  for (int bits = 0; bits < 256; ++bits) {
    const float value = f8_e4m3_to_f32(static_cast<uint8_t>(bits));
    CHECK(f32_to_f8_e4m3(value) == bits);
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const float x =
        std::ldexp(static_cast<float>(random()) / 4e9F, static_cast<int>(random() % 22) - 12);
    uint8_t nearest = 0;
    for (uint8_t bits = 1; bits <= 0x7E; ++bits) {
      const double d = std::fabs(f8_e4m3_to_f32(bits) - static_cast<double>(x));
      const double best = std::fabs(f8_e4m3_to_f32(nearest) - static_cast<double>(x));
      if (d < best || (d == best && bits % 2 == 0)) nearest = bits;
    }
    CHECK(f32_to_f8_e4m3(x) == nearest);
    CHECK(f32_to_f8_e4m3(-x) == (nearest | 0x80));
  }
  CHECK(f32_to_f8_e4m3(464.0F) == 0x7E);
  CHECK(f32_to_f8_e4m3(INFINITY) == 0x7E);
  CHECK((f32_to_f8_e4m3(NAN) & 0x7F) == 0x7F);
}

TEST_CASE("the FP8 fixture's weights are multiplied by their blocks' scales",
          "[policy][formats][fp8][parity]") {
  const auto path = parity("deepseek_v3_fp8");
  const auto source = open_checkpoint(path);
  const ModelConfig config = load_model_config(*source);
  REQUIRE(config.fp8.has_value());
  CHECK_NOTHROW(check_tensors(config, *source));
  const auto file = SafetensorsFile::open(path / "model.safetensors");
  const std::string name = "model.layers.1.self_attn.kv_b_proj.weight";  // [264, 130]
  std::vector<float> codes(264 * 130);
  std::vector<float> scales(3 * 2);
  file.read_f32(name, codes);
  file.read_f32(name + "_scale_inv", scales);
  const auto values = values_of(*source, name);
  for (const int64_t row : {0, 127, 128, 255, 256, 263}) {
    for (const int64_t column : {0, 127, 128, 129}) {
      CHECK(values[row * 130 + column] ==
            codes[row * 130 + column] * scales[row / 128 * 2 + column / 128]);
    }
  }
}

TEST_CASE("dequantised FP8 weights give their bytes and scales again",
          "[policy][formats][fp8][parity]") {
  const TemporaryFolder dir(in_memory());
  const Loaded original(parity("deepseek_v3_fp8"));
  write_hf_checkpoint(dir / "out", original.checkpoint(DType::F8_E4M3));
  const Loaded again(dir / "out");
  check_same_values(original, again);
  const auto before = SafetensorsFile::open(parity("deepseek_v3_fp8") / "model.safetensors");
  const auto after = SafetensorsFile::open(dir / "out" / "model.safetensors");
  CHECK(before.tensors().size() == after.tensors().size());
  for (const TensorInfo& info : before.tensors()) {
    INFO(info.name);
    CHECK(after.info(info.name).dtype == info.dtype);
    CHECK(raw_bytes(before, info.name) == raw_bytes(after, info.name));
  }
}

TEST_CASE("V3-shaped checkpoints written in BF16 and FP8 read back bit for bit",
          "[policy][formats][fp8][parity]") {
  for (const char* name : {"deepseek_v3_mtp", "deepseek_v3_fp8", "deepseek_v3_no_qlora",
                           "qwen3_moe", "mixtral", "llama_bias_padded"}) {
    for (const DType dtype : {DType::BF16, DType::F8_E4M3}) {
      INFO(name << " as " << dtype_name(dtype));
      const TemporaryFolder dir(in_memory());
      // The first writing rounds; what it wrote must then stay as it is.
      const Loaded original(parity(name));
      write_hf_checkpoint(dir / "first", original.checkpoint(dtype));
      const Loaded rounded(dir / "first");
      CHECK(rounded.config.fp8.has_value() == (dtype == DType::F8_E4M3));
      for (const SharedCopy& copy : shared_copies(rounded.config)) {
        CHECK(same_bits(values_of(*rounded.source, copy.name), rounded.values.at(copy.original)));
      }
      HfCheckpoint out = rounded.checkpoint(dtype);
      out.max_shard_bytes = 30'000;
      write_hf_checkpoint(dir / "second", out);
      check_same_values(rounded, Loaded(dir / "second"));
      // The router's bias steers the choice of experts: it is never rounded.
      for (const auto& [tensor, values] : original.values) {
        if (tensor.ends_with("e_score_correction_bias")) {
          CHECK(same_bits(values, rounded.values.at(tensor)));
        }
      }
    }
  }
}

TEST_CASE("blocks on any FP8 grid keep their scale", "[policy][formats][fp8]") {
  std::mt19937 random(7);
  std::vector<float> row(64);
  for (int i = 0; i < 300; ++i) {
    // Scales as V3's (any float), and as V3.1's (powers of two, the largest code below 448).
    const bool is_power = i % 2 == 0;
    const float scale = is_power ? std::ldexp(1.0F, -static_cast<int>(random() % 20))
                                 : static_cast<float>(random()) * 1e-13F;
    for (float& x : row) {
      x = f8_e4m3_to_f32(static_cast<uint8_t>(random() % (is_power ? 0x79 : 0x7F))) * scale;
    }
    if (!is_power) row[3] = 448.0F * scale;
    const std::span<const float> rows[] = {row};
    const float found = fp8_block_scale(rows);
    for (const float x : row) CHECK(f8_e4m3_to_f32(f32_to_f8_e4m3(x / found)) * found == x);
    if (!is_power) CHECK(found == scale);
  }
  std::normal_distribution<float> normal;
  for (float& x : row) x = normal(random);
  row[5] = -7.0F;
  const std::span<const float> rows[] = {row};
  CHECK(fp8_block_scale(rows) == 7.0F / 448.0F);
  std::fill(row.begin(), row.end(), 0.0F);
  CHECK(fp8_block_scale(rows) == 1.0F);
  row[0] = 1e-44F;
  CHECK(fp8_block_scale(rows) > 0.0F);
}

TEST_CASE("FP8 weights without fitting scales are refused by name",
          "[policy][formats][fp8][fault]") {
  std::vector<float> values;
  REQUIRE(TinyFp8().write_and_read(&values) == "");
  CHECK(values == std::vector<float>{1, 1, 2, 2, 3, 1, 1, 2, 2, 3, 4, 4, 5, 5, 6});
  TinyFp8 file;
  file.has_scales = false;
  check_refused(file, "w.weight_scale_inv");
  file = {};
  file.has_weight = false;
  check_refused(file, "w.weight_scale_inv");
  file = {};
  file.scale_shape = {3, 2};
  check_refused(file, "w.weight_scale_inv");
  file = {};
  file.scale_shape = {6};
  check_refused(file, "w.weight_scale_inv");
  for (const float bad : {NAN, INFINITY, 0.0F, -1.0F}) {
    file = {};
    file.scales[4] = bad;
    check_refused(file, "w.weight_scale_inv\": scale 4");
  }
  file = {};
  file.scale_dtype = DType::I32;
  check_refused(file, "w.weight_scale_inv");
  file.scale_dtype = DType::F8_E8M0;  // only beside scale_fmt ue8m0
  check_refused(file, "w.weight_scale_inv");
  file = {};
  file.weight_dtype = DType::U8;
  check_refused(file, "w.weight_scale_inv");
  file = {};
  file.codes[7] = 0x7F;
  check_refused(file, "w.weight");
  file = {};
  file.quantization = nullptr;
  check_refused(file, "quantization_config");
}

TEST_CASE("quantisation that is not V3's is refused by key", "[policy][formats][fp8][fault]") {
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, nlohmann::json>>{{"quant_method", "gptq"},
                                                           {"fmt", "e5m2"},
                                                           {"activation_scheme", "static"},
                                                           {"weight_block_size", {0, 128}},
                                                           {"weight_block_size", {128, -1}},
                                                           {"weight_block_size", {128}},
                                                           {"weight_block_size", 128},
                                                           {"weight_block_size", nullptr},
                                                           {"weight_block_size", {1.5, 128}}}) {
    TinyFp8 file;
    file.quantization[key] = value;
    check_refused(file, "quantization_config." + key);
  }
}
