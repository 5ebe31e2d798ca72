// Checkpoints that are not what their config says, or not what they seem to be.
#include "policy/formats/expected_tensors.h"
#include "policy/formats/model_config.h"
#include "policy/formats/safetensors/safetensors.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "tests/policy/formats/fixture.h"

using namespace gradus::policy;
using namespace gradus::tests;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

json small_config() {
  return {{"model_type", "llama"},
          {"hidden_size", 4},
          {"num_hidden_layers", 1},
          {"num_attention_heads", 1},
          {"num_key_value_heads", 1},
          {"intermediate_size", 4},
          {"vocab_size", 6},
          {"rms_norm_eps", 1e-5},
          {"max_position_embeddings", 16},
          {"tie_word_embeddings", true}};
}

/// A checkpoint of `config`, and a head of `head` everywhere if it is not 0; the embedding is 1.
void write_small(const fs::path& folder, const json& config, float head) {
  std::vector<RawTensor> tensors;
  const auto add = [&](const std::string& name, const std::vector<int64_t>& shape, float value) {
    tensors.push_back(narrow(
        {name, shape,
         [value](int64_t, std::span<float> out) { std::fill(out.begin(), out.end(), value); }},
        DType::F32));
  };
  for (const TensorSpec& spec : expected_tensors(parse_model_config(config, "config.json"))) {
    add(spec.name, spec.shape, 1.0F);
  }
  if (head != 0.0F) add("lm_head.weight", {6, 4}, head);
  write_safetensors(folder / "model.safetensors", std::move(tensors), {{"format", "pt"}});
  write_bytes(folder / "config.json", config.dump());
}

std::string load_kind(const fs::path& folder) {
  return file_error_kind([&] {
    const auto source = open_checkpoint(folder);
    check_tensors(load_model_config(*source), *source);
  });
}

}  // namespace

TEST_CASE("a head in the file of a tied config is used where it is not the embedding",
          "[policy][formats]") {
  const TemporaryFolder dir(in_memory());
  for (const float head : {0.0F, 1.0F, 2.0F}) {
    write_small(dir.path(), small_config(), head);
    const auto source = open_checkpoint(dir.path());
    const ModelConfig config = load_model_config(*source);
    CHECK(config.tie_word_embeddings == (head != 2.0F));
    CHECK(config.raw["tie_word_embeddings"] == (head != 2.0F));
    CHECK_NOTHROW(check_tensors(config, *source));
  }
}

TEST_CASE("rope_scaling that says something wins over rope_parameters, whole",
          "[policy][formats]") {
  json config = small_config();
  config["rope_parameters"] = {{"rope_theta", 5e5}, {"rope_type", "default"}};
  const auto rope = [&] { return parse_model_config(config, "config.json").rope; };
  config["rope_scaling"] = nullptr;
  CHECK((rope().kind == RopeKind::standard && rope().theta == 5e5));
  config["rope_scaling"] = json::object();
  CHECK((rope().kind == RopeKind::standard && rope().theta == 5e5));
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 4.0}};
  CHECK((rope().kind == RopeKind::linear && rope().factor == 4.0 && rope().theta == 1e4));
  config["rope_theta"] = 2e4;
  CHECK(rope().theta == 2e4);
  config["rope_scaling"] = {
      {"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 8}};
  CHECK(rope().original_max_positions == 8);
  config["original_max_position_embeddings"] = 12;
  CHECK(rope().original_max_positions == 12);
  config.erase("rope_scaling");
  config["rope_parameters"] = {{"full_attention", {{"rope_type", "default"}}}};
  CHECK_THAT(file_error_text(rope), Catch::Contains("full_attention"));
}

TEST_CASE("an unknown model type is named, also where the architecture is known",
          "[policy][formats][fault]") {
  json config = small_config();
  config["model_type"] = "llama_next";
  config["architectures"] = {"LlamaForCausalLM"};
  const auto parse = [&] { parse_model_config(config, "config.json"); };
  CHECK_THAT(file_error_text(parse), Catch::Contains("model type \"llama_next\""));
  config["model_type"] = "llama";
  config["architectures"] = {"LlamaForSequenceClassification"};
  CHECK_THAT(file_error_text(parse), Catch::Contains("\"LlamaForSequenceClassification\""));
}

TEST_CASE("whole numbers are no weights", "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  write_small(dir.path(), small_config(), 0.0F);
  CHECK(load_kind(dir.path()) == "none");
  const auto file = SafetensorsFile::open(dir / "model.safetensors");
  for (const auto& [dtype, size] : {std::pair{DType::I16, 2},
                                    {DType::I8, 1},
                                    {DType::U8, 1},
                                    {DType::BOOL, 1},
                                    {DType::I64, 8}}) {
    std::vector<RawTensor> tensors;
    for (const auto& info : file.tensors()) {
      const bool is_changed = info.name == "model.norm.weight";
      tensors.push_back({info.name, is_changed ? dtype : DType::F32, info.shape,
                         [](uint64_t, std::span<std::byte> out) {
                           std::fill(out.begin(), out.end(), std::byte{0});
                         }});
    }
    INFO(size);
    const TemporaryFolder other(in_memory());
    write_safetensors(other / "model.safetensors", std::move(tensors), {{"format", "pt"}});
    write_bytes(other / "config.json", small_config().dump());
    CHECK(load_kind(other.path()) == "unsupported_dtype");
  }
}

TEST_CASE("every file of a checkpoint that is a link out of it is refused",
          "[policy][formats][fault]") {
  const TemporaryFolder outside(in_memory());
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors"}) {
    INFO(name);
    const TemporaryFolder dir(in_memory());
    write_small(dir.path(), small_config(), 0.0F);
    write_bytes(dir / "generation_config.json", "{}");
    fs::rename(dir / name, outside / name);
    fs::create_symlink(outside / name, dir / name);
    CHECK(load_kind(dir.path()) == "link_outside");
  }
}

TEST_CASE("weights that git-lfs did not fetch are said to be a pointer",
          "[policy][formats][fault]") {
  const TemporaryFolder dir(in_memory());
  write_small(dir.path(), small_config(), 0.0F);
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
  write_bytes(dir / "model.safetensors", pointer);
  CHECK(load_kind(dir.path()) == "lfs_pointer");
  write_bytes(dir / "model.gguf", pointer);
  CHECK(load_kind(dir / "model.gguf") == "lfs_pointer");
}
