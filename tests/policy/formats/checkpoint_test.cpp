#include <cmath>

#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/gguf/gguf.h"
#include "policy/formats/gguf/gguf_checkpoint.h"
#include "policy/formats/hf/hf_writer.h"
#include "policy/formats/model_config.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using namespace gradus::tests;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kDense{"llama_bias_padded", "llama_gqa_tied_llama3", "qwen2_bias",
                                      "qwen2_sliding", "qwen3_qknorm"};

/// All weights of a checkpoint, and tensors that read from them.
struct Loaded {
  std::map<std::string, std::vector<float>> values;
  std::vector<FloatTensor> tensors;
  ModelConfig config;

  explicit Loaded(const fs::path& path) {
    const auto source = open_checkpoint(path);
    config = load_model_config(*source);
    check_tensors(config, *source);
    for (const TensorSpec& spec : expected_tensors(config)) {
      const auto& stored = values[spec.name] = values_of(*source, spec.name);
      tensors.push_back(float_tensor(spec.name, spec.shape, stored));
    }
  }
};

std::string kind_of_open(const fs::path& path) {
  return file_error_kind([&] { open_checkpoint(path); });
}

void check_same_model(const ModelConfig& a, const ModelConfig& b) {
  CHECK(a.model_type == b.model_type);
  CHECK(a.head_dim == b.head_dim);
  CHECK(a.num_kv_heads == b.num_kv_heads);
  CHECK(a.vocab_size == b.vocab_size);
  CHECK(a.rms_norm_eps == b.rms_norm_eps);
  CHECK(a.tie_word_embeddings == b.tie_word_embeddings);
  CHECK(a.attention_qkv_bias == b.attention_qkv_bias);
  CHECK(a.attention_out_bias == b.attention_out_bias);
  CHECK(a.mlp_bias == b.mlp_bias);
  CHECK(a.rope.kind == b.rope.kind);
  CHECK(a.rope.theta == b.rope.theta);
  CHECK(a.rope.factor == b.rope.factor);
  CHECK(a.rope.original_max_positions == b.rope.original_max_positions);
}

nlohmann::json small_config() {
  return {{"model_type", "llama"},      {"hidden_size", 8},       {"num_hidden_layers", 1},
          {"num_attention_heads", 2},   {"intermediate_size", 8}, {"vocab_size", 4},
          {"tie_word_embeddings", true}};
}

}  // namespace

TEST_CASE("a model written in Hugging Face's layout reads back bit for bit",
          "[policy][formats][parity]") {
  for (const std::string& name : kDense) {
    INFO(name);
    const TemporaryFolder dir(in_memory());
    const Loaded original(parity(name));
    HfCheckpoint out;
    out.config = original.config.raw;
    out.tensors = original.tensors;
    out.dtype = DType::F32;
    out.max_shard_bytes = 40'000;
    out.extra_texts["generation_config.json"] = "{\"eos_token_id\": [3]}";
    write_hf_checkpoint(dir / "out", out);
    CHECK(fs::exists(dir / "out" / "model.safetensors.index.json"));
    const Loaded again(dir / "out");
    CHECK(again.config.eos_token_ids == std::vector<int64_t>{3});
    check_same_model(original.config, again.config);
    for (const auto& [tensor, values] : original.values) {
      CHECK(same_bits(values, again.values.at(tensor)));
    }
    CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);  // nothing left over
  }
}

TEST_CASE("a model written as GGUF reads back bit for bit", "[policy][formats][parity]") {
  for (const std::string& name : kDense) {
    INFO(name);
    const TemporaryFolder dir(in_memory());
    const Loaded original(parity(name));
    GgufCheckpoint out;
    out.config = original.config;
    out.tensors = original.tensors;
    out.dtype = DType::F32;
    out.tokenizer = {{"tokenizer.ggml.eos_token_id", GgufValue::u32(2)}};
    if (name == "qwen2_sliding") {
      CHECK_THROWS_AS(write_gguf_checkpoint(dir / "m.gguf", out), gradus::ArgumentError);
      continue;
    }
    write_gguf_checkpoint(dir / "m.gguf", out);
    const Loaded again(dir.path());  // the only .gguf there
    check_same_model(original.config, again.config);
    CHECK(again.config.eos_token_ids == std::vector<int64_t>{2});
    for (const auto& [tensor, values] : original.values) {
      INFO(tensor);
      CHECK(same_bits(values, again.values.at(tensor)));
    }
  }
}

TEST_CASE("llama's query rows are interleaved in GGUF", "[policy][formats][parity]") {
  const TemporaryFolder dir(in_memory());
  const Loaded original(parity("llama_bias_padded"));
  write_gguf_checkpoint(dir / "m.gguf", {original.config, original.tensors, DType::F32, "m", {}});
  const auto gguf = GgufFile::open(dir / "m.gguf");
  std::vector<float> bias(48);
  gguf.read_f32("blk.0.attn_q.bias", bias);
  const auto& hf = original.values.at("model.layers.0.self_attn.q_proj.bias");
  for (int head = 0; head < 4; ++head) {
    for (int pair = 0; pair < 6; ++pair) {
      CHECK(bias[12 * head + 2 * pair] == hf[12 * head + pair]);
      CHECK(bias[12 * head + 2 * pair + 1] == hf[12 * head + 6 + pair]);
    }
  }
}

TEST_CASE("an occupied directory is kept unless it may be replaced", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  const std::vector<float> values{1, 2};
  HfCheckpoint out;
  out.config = small_config();
  out.tensors = {float_tensor("a", {2}, values), float_tensor("lm_head.weight", {2}, values)};
  fs::create_directory(dir / "out");
  write_bytes(dir / "out" / "notes.txt", "mine");
  CHECK(file_error_kind([&] { write_hf_checkpoint(dir / "out", out); }) == "already_exists");
  CHECK(bytes_of(dir / "out" / "notes.txt") == "mine");
  out.replace = true;
  const std::vector<float> bad{1, INFINITY};
  HfCheckpoint broken = out;
  broken.tensors = {float_tensor("a", {2}, bad)};
  CHECK(file_error_kind([&] { write_hf_checkpoint(dir / "out", broken); }) == "nonfinite_weights");
  CHECK(bytes_of(dir / "out" / "notes.txt") == "mine");
  write_hf_checkpoint(dir / "out", out);
  CHECK_FALSE(fs::exists(dir / "out" / "notes.txt"));
  CHECK(open_checkpoint(dir / "out")->tensors().size() == 1);  // tied: no head
  CHECK(std::distance(fs::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("pickles and directories without weights are refused with what to do",
          "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  CHECK(kind_of_open(dir / "absent") == "missing");
  CHECK(kind_of_open(dir.path()) == "no_weights");
  write_bytes(dir / "readme.md", "x");
  CHECK(file_error_text([&] { open_checkpoint(dir.path()); }).find("readme.md") !=
        std::string::npos);
  write_bytes(dir / "pytorch_model.bin", "\x80\x02");
  CHECK(kind_of_open(dir.path()) == "pickle_refused");
  CHECK(file_error_text([&] { open_checkpoint(dir / "pytorch_model.bin"); }).find("safetensors") !=
        std::string::npos);
  write_bytes(dir / "a.gguf", "GGUF");
  CHECK(kind_of_open(dir.path()) == "checkpoint_truncated");
  write_bytes(dir / "b.gguf", "GGUF");
  CHECK(kind_of_open(dir.path()) == "ambiguous_weights");
  write_bytes(dir / "model.safetensors", safetensors_bytes("{}", ""));
  CHECK(kind_of_open(dir.path()) == "config_missing");
}

TEST_CASE("a shard index may only name complete files beside it", "[policy][formats][fault]") {
  const TemporaryFolder outside(in_memory());
  const TemporaryFolder dir(in_memory());
  const std::string shard =
      safetensors_bytes(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                        R"("b":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
                        "xy");
  write_bytes(dir / "s.safetensors", shard);
  write_bytes(outside / "s.safetensors", shard);
  write_bytes(dir / "config.json", "{}");
  const auto kind_for = [&](const std::string& map, const std::string& metadata = "{}") {
    write_bytes(dir / "model.safetensors.index.json",
                "{\"metadata\":" + metadata + ",\"weight_map\":" + map + "}");
    return kind_of_open(dir.path());
  };
  CHECK(kind_for(R"({"a":"s.safetensors","b":"s.safetensors"})") == "none");
  CHECK(kind_for(R"({"a":"t.safetensors"})") == "shard_missing");
  CHECK(kind_for(R"({"c":"s.safetensors"})") == "tensor_missing");
  CHECK(kind_for(R"({"a":"../s.safetensors"})") == "bad_shard_name");
  CHECK(kind_for(R"({"a":"/tmp/s.safetensors"})") == "bad_shard_name");
  CHECK(kind_for(R"({"a":"x\\s.safetensors"})") == "bad_shard_name");
  CHECK(kind_for(R"({"a":".."})") == "bad_shard_name");
  CHECK(kind_for(R"({"a":3})") == "bad_index");
  CHECK(kind_for(R"({})") == "bad_index");
  CHECK(kind_for(R"({"a":"s.safetensors","a":"s.safetensors"})") == "invalid_json");
  fs::create_symlink(outside / "s.safetensors", dir / "link.safetensors");
  CHECK(kind_for(R"({"a":"link.safetensors"})") == "link_outside");
  CHECK(kind_for(R"({"a":"s.safetensors"})", R"({"total_size":7})") == "none");
  CHECK(open_checkpoint(dir.path())->warnings().size() == 2);  // b is not listed; total_size
}

TEST_CASE("links of the hub's cache into its blobs are followed", "[policy][formats]") {
  const TemporaryFolder dir(in_memory());
  fs::create_directories(dir / "blobs");
  fs::create_directories(dir / "snapshots/abc");
  write_bytes(dir / "blobs/123", safetensors_bytes("{}", ""));
  write_bytes(dir / "blobs/456", "{}");
  fs::create_symlink("../../blobs/123", dir / "snapshots/abc/model.safetensors");
  fs::create_symlink("../../blobs/456", dir / "snapshots/abc/config.json");
  CHECK(kind_of_open(dir / "snapshots/abc") == "none");
}

TEST_CASE("weights that are not finite are refused unless allowed", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  std::vector<float> values{1, 2, NAN, INFINITY};
  write_bytes(dir / "config.json", "{}");
  write_bytes(dir / "model.safetensors",
              safetensors_bytes(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})",
                                std::string(reinterpret_cast<const char*>(values.data()), 16)));
  const auto source = open_checkpoint(dir.path());
  std::vector<float> out(4);
  const std::string text = file_error_text([&] { source->read_f32("w", out); });
  CHECK(text.find("w[2]") != std::string::npos);
  CHECK_NOTHROW(source->read_f32("w", out, NonFinite::allow));
  CHECK(std::isinf(out[3]));
}

TEST_CASE("a missing extra file leaves no checkpoint behind", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  HfCheckpoint out;
  out.config = small_config();
  out.extra_files = {dir / "absent.json"};
  CHECK(file_error_kind([&] { write_hf_checkpoint(dir / "out", out); }) == "missing");
  CHECK_FALSE(fs::exists(dir / "out"));
}
