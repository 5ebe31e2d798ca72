// Checkpoints and files of others, through the whole program.
#include <sys/stat.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "policy/formats/gguf/gguf.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace gradus::cli;
using gradus::policy::GgufFile;
using gradus::tests::fixture;
namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// A tiny llama of 24 rows with a tokenizer of four tokens.
void make_model(const fs::path& folder) {
  fs::copy(fixture("peft/bases/llama"), folder);
  const json tokenizer{{"added_tokens", json::array()},
                       {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
                       {"decoder", {{"type", "ByteLevel"}}},
                       {"model",
                        {{"type", "BPE"},
                         {"vocab", {{"a", 0}, {"b", 1}, {"ab", 2}, {"c", 3}}},
                         {"merges", json::array({json::array({"a", "b"})})}}}};
  write_text(folder / "tokenizer.json", tokenizer.dump());
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a checkpoint's link to a private file leaks into nothing that is published",
          "[cli][fault]") {
  for (const char* name : {"merges.txt", "vocab.json", "chat_template.jinja", "added_tokens.json",
                           "tokenizer_config.json", "special_tokens_map.json", "tokenizer.json",
                           "generation_config.json", "config.json", "model.safetensors"}) {
    INFO(name);
    const TemporaryFolder folder;
    make_model(folder / "model");
    const fs::path linked = folder / "model" / name;
    if (fs::exists(linked)) {
      fs::rename(linked, folder / "private");
    } else {
      write_text(folder / "private", R"({"secret": "4711"})");
    }
    fs::create_symlink(folder / "private", linked);
    const auto result =
        run_gradus({"model", "export", folder / "model", folder / "out", "--format", "hf"});
    INFO(result.err);
    CHECK(result.exit_code != 0);
    CHECK(contains(result.err, "link out of its folder"));
    CHECK(!fs::exists(folder / "out"));
  }
}

TEST_CASE("a pipe in the place of a file is refused at once by every command", "[cli][fault]") {
  const TemporaryFolder folder;
  make_model(folder / "model");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  fs::create_directories(folder / "run");
  write_text(folder / "run/recipe.toml", "");
  REQUIRE(::mkfifo((folder / "run/status.json").c_str(), 0600) == 0);
  fs::create_directories(folder / "other");
  REQUIRE(::mkfifo((folder / "other/config.json").c_str(), 0600) == 0);
  write_text(folder / "other/model.safetensors", "x");
  const std::string pipe = folder / "pipe";
  const std::string model = folder / "model";
  const std::vector<std::string> commands[] = {
      {"train", pipe},
      {"tokenize", "--model", model, "--in", pipe},
      {"rewards", "grade", "--rule", "accuracy", "--data", pipe, "--out", "-"},
      {"model", "info", folder / "other"},
      {"model", "logits", "--model", model, "--in", pipe, "--out", folder / "out"},
      {"runs", "show", folder / "run"}};
  for (const auto& command : commands) {
    INFO(command[0] << " " << command[1]);
    const auto begin = std::chrono::steady_clock::now();
    const auto result = run_gradus(command);
    INFO(result.err);
    CHECK(result.exit_code != 0);
    CHECK(contains(result.err, "is a pipe"));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
  }
}

TEST_CASE("rows go in through an open descriptor and out to the empty device", "[cli]") {
  const TemporaryFolder folder;
  make_model(folder / "model");
  const auto result = run_gradus({"tokenize", "--model", folder / "model", "--in", "/dev/stdin"},
                                 "{\"text\": \"abc\"}\n");
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK(contains(result.out, "[2,3]"));
}

TEST_CASE("a GGUF file has as many tokens as its embedding has rows", "[cli][gguf]") {
  const TemporaryFolder folder;
  make_model(folder / "model");
  const auto result = run_gradus({"model", "convert", folder / "model", folder / "a.gguf"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto gguf = GgufFile::open(folder / "a.gguf");
  CHECK(gguf.entry("tokenizer.ggml.tokens")->strings()->size() == 24);
  CHECK(gguf.find("token_embd.weight")->shape[0] == 24);
  CHECK(*gguf.entry("tokenizer.ggml.pre")->text() == "gpt-2");
}

TEST_CASE("a GGUF file is not written with a tokenizer that it cannot hold", "[cli][gguf][fault]") {
  const TemporaryFolder folder;
  make_model(folder / "model");
  auto tokenizer = json::parse(read_text(folder / "model/tokenizer.json"));
  tokenizer["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", "[aeiou]"}}}, {"behavior", "Isolated"}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
  write_text(folder / "model/tokenizer.json", tokenizer.dump());
  const auto result = run_gradus({"model", "convert", folder / "model", folder / "a.gguf"});
  CHECK(result.exit_code != 0);
  CHECK(contains(result.err, "pre-tokenizer"));
  CHECK(!fs::exists(folder / "a.gguf"));
}

TEST_CASE("an adapter whose alpha is text is refused by file and key", "[cli][fault]") {
  const TemporaryFolder folder;
  fs::copy(fixture("peft/plain"), folder / "adapter");
  auto config = json::parse(read_text(folder / "adapter/adapter_config.json"));
  config["lora_alpha"] = "4";
  write_text(folder / "adapter/adapter_config.json", config.dump());
  const auto result = run_gradus(
      {"model", "merge", fixture("peft/bases/llama"), folder / "adapter", folder / "out"});
  CHECK(result.exit_code != 0);
  CHECK(contains(result.err, "adapter_config.json"));
  CHECK(contains(result.err, "lora_alpha"));
  CHECK(!fs::exists(folder / "out"));
}
