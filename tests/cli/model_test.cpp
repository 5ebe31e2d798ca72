// The program's arithmetic and tokens against the reference implementation's.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>

#include "policy/formats/safetensors/safetensors.h"
#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/policy/formats/deepseek_v3_config.h"

using namespace gradus::cli;
using gradus::policy::SafetensorsFile;
using gradus::tests::fixture;
using gradus::tests::fixtures;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

std::vector<float> floats(const SafetensorsFile& file, const std::string& name) {
  std::vector<float> values(file.info(name).num_elements);
  file.read_f32(name, values);
  return values;
}

std::vector<int64_t> mask_of(const SafetensorsFile& file) {
  std::vector<int64_t> mask(file.info("input_ids").num_elements, 1);
  if (file.find("attention_mask") != nullptr) {
    file.read_raw("attention_mask", std::as_writable_bytes(std::span(mask)));
  }
  return mask;
}

struct Difference {
  double largest = 0.0;
  size_t at = 0;
  void note(double difference, size_t index) {
    if (difference > largest || std::isnan(difference)) *this = {difference, index};
  }
};

/// Largest difference over places that are not padding; row r of [B * T, width].
Difference difference_of_rows(const SafetensorsFile& ours, const SafetensorsFile& expected,
                              const std::string& name) {
  const auto a = floats(ours, name);
  const auto b = floats(expected, name);
  const auto mask = mask_of(expected);
  REQUIRE(a.size() == b.size());
  const size_t width = a.size() / mask.size();
  Difference difference;
  for (size_t i = 0; i < a.size(); ++i) {
    if (mask[i / width] != 0) difference.note(std::abs(a[i] - b[i]), i);
  }
  return difference;
}

/// Over all values of fixtures without padding.
Difference difference_of_values(const SafetensorsFile& ours, const SafetensorsFile& expected,
                                const std::string& name) {
  const auto a = floats(ours, name);
  const auto b = floats(expected, name);
  REQUIRE(a.size() == b.size());
  Difference difference;
  for (size_t i = 0; i < a.size(); ++i) difference.note(std::abs(a[i] - b[i]), i);
  return difference;
}

Difference difference_of_logprobs(const SafetensorsFile& ours, const SafetensorsFile& expected) {
  const auto a = floats(ours, "logprobs");
  const auto b = floats(expected, "logprobs");
  const auto mask = mask_of(expected);
  REQUIRE(a.size() == b.size());
  const auto T = static_cast<size_t>(expected.info("input_ids").shape[1]);
  Difference difference;
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t place = i / (T - 1) * T + i % (T - 1);
    if (mask[place] != 0 && mask[place + 1] != 0) difference.note(std::abs(a[i] - b[i]), i);
  }
  return difference;
}

void check_gradients(const fs::path& ours_path, const fs::path& expected_path) {
  const auto ours = SafetensorsFile::open(ours_path);
  const auto expected = SafetensorsFile::open(expected_path);
  for (const auto& info : expected.tensors()) {
    INFO(info.name);
    REQUIRE(ours.find(info.name) != nullptr);
    const auto a = floats(ours, info.name);
    const auto b = floats(expected, info.name);
    size_t wrong = 0;
    for (size_t i = 0; i < b.size(); ++i) {
      if (!(std::abs(a[i] - b[i]) <= 1e-5 + 1e-3 * std::abs(b[i]))) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("logits, logprobs and gradients of checkpoints agree with transformers", "[cli][model]") {
  for (const char* name :
       {"llama_gqa_tied_llama3", "llama_bias_padded", "qwen2_bias", "qwen2_sliding", "qwen3_qknorm",
        "deepseek_v3_base", "deepseek_v3_bf16", "deepseek_v3_fp8", "deepseek_v3_mtp",
        "deepseek_v3_no_qlora", "deepseek_v3_yarn", "mixtral", "qwen3_moe"}) {
    INFO(name);
    const TemporaryFolder folder;
    const fs::path model = fixture(fs::path("parity") / name);
    const fs::path expected = model / "expected.safetensors";
    std::vector<std::string> arguments{"model",        "logits",       "--model",
                                       model.string(), "--in",         expected.string(),
                                       "--out",        folder / "out", "--hidden"};
    const bool has_grads = fs::exists(model / "expected_grads.safetensors");
    if (has_grads) arguments.insert(arguments.end(), {"--grads", folder / "grads"});
    const auto result = run_gradus(arguments);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    const auto ours = SafetensorsFile::open(folder / "out");
    const auto reference = SafetensorsFile::open(expected);
    for (const auto& tensor : reference.tensors()) {
      INFO(tensor.name);
      const bool is_row = tensor.name == "logits" || tensor.name.starts_with("hidden.");
      const bool is_flat = tensor.name.starts_with("mtp_logits.");
      if (is_row) CHECK(difference_of_rows(ours, reference, tensor.name).largest <= 1e-4);
      if (is_flat) CHECK(difference_of_values(ours, reference, tensor.name).largest <= 1e-4);
      if (tensor.name.starts_with("router.")) {
        REQUIRE(ours.find(tensor.name) != nullptr);
        CHECK(ours.info(tensor.name).shape == tensor.shape);
      }
    }
    CHECK(difference_of_logprobs(ours, reference).largest <= 1e-4);
    if (has_grads) check_gradients(folder / "grads", model / "expected_grads.safetensors");
  }
}

TEST_CASE("every tokenizer fixture is reproduced", "[cli][tokenize]") {
  std::vector<fs::path> all;
  for (const char* name :
       {"tokenizer_smollm2/cases", "tokenizer_smollm2/edges", "tokenizer_sp_bpe/cases",
        "tokenizer_sp_unigram/cases", "tokenizer_sp_unigram_bytes/cases"}) {
    std::ranges::copy(fixtures(std::string("parity/") + name + ".jsonl"), std::back_inserter(all));
  }
  for (const fs::path& cases : all) {
    const TemporaryFolder folder;
    const auto result = run_gradus({"tokenize", "--model", cases.parent_path().string(), "--in",
                                    cases.string(), "--out", folder / "out"});
    INFO(cases << ": " << result.err);
    REQUIRE(result.exit_code == 0);
    std::istringstream ours(read_text(folder / "out"));
    std::istringstream expected(read_text(cases));
    std::string our_line;
    int wrong = 0;
    for (std::string line; std::getline(expected, line);) {
      REQUIRE(std::getline(ours, our_line));
      const auto a = json::parse(our_line);
      const auto b = json::parse(line);
      if (a["ids"] != b["ids"] || a["decoded"] != b["decoded"]) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("a model's parameters and memory are told without loading it", "[cli][model]") {
  const fs::path model = fixture("parity/llama_gqa_tied_llama3");
  const auto result = run_gradus({"model", "info", model.string(), "--json"});
  REQUIRE(result.exit_code == 0);
  const auto info = json::parse(result.out);
  int64_t parameters = 0;
  const auto file = SafetensorsFile::open(model / "model.safetensors");
  for (const auto& tensor : file.tensors()) {
    parameters += static_cast<int64_t>(tensor.num_elements);
  }
  CHECK(info["parameters"] == parameters);
  CHECK(info["kv_bytes_per_token"] == 2 * 3 * 2 * 8 * 2);  // K and V, layers, heads, width, bytes
  const auto of_config =
      run_gradus({"model", "info", "--config", (model / "config.json").string(), "--json"});
  CHECK(json::parse(of_config.out)["parameters"] == parameters);
  CHECK(run_gradus({"model", "info"}).exit_code == 2);
}

TEST_CASE("DeepSeek-V3's size is told from its config alone", "[cli][model]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "config.json";
  std::ofstream(file) << gradus::policy::deepseek_v3_config().dump();
  const auto result = run_gradus({"model", "info", "--config", file.string(), "--precision", "fp8",
                                  "--devices", "16", "--json"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto info = json::parse(result.out);
  CHECK(info["parameters"] == 671'026'419'200);
  CHECK(info["active_parameters"] == 37'552'297'472);
  CHECK(info["active_parameters_without_embedding"] == 36'625'618'432);
  CHECK(info["mtp_parameters"] == 11'610'068'224);
  CHECK(info["kv_bytes_per_token"] == 70'272);
  CHECK(info["kv_bytes_per_token_multi_head"] == 3'997'696);
  CHECK(info["memory_per_device"]["devices"] == 16);
  CHECK(info["memory_per_device"]["precision"] == "fp8");
  const auto text = run_gradus({"model", "info", "--config", file.string()}).out;
  INFO(text);
  CHECK(text.find("671,026,419,200") != std::string::npos);
  CHECK(text.find("56.9 times") != std::string::npos);
  CHECK(run_gradus({"model", "info", "--config", file.string(), "--precision", "int3"}).exit_code ==
        2);
  CHECK(run_gradus({"model", "info", "--config", file.string(), "--devices", "0"}).exit_code == 2);
}
