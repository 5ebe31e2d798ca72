// Adapters that PEFT made, and what it computes with them (tests/fixtures/peft/make_adapters.py).
#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "policy/adapter_merge.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "tests/catch.h"
#include "tests/policy/parity_fixture.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room
using gradus::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// A folder with an adapter, and its base.
struct AdapterCase {
  explicit AdapterCase(const fs::path& folder)
      : dir(folder), config(nlohmann::json::parse(text_of(folder / "adapter_config.json"))) {
    base = (dir / config["base_model_name_or_path"].get<std::string>()).lexically_normal();
  }
  fs::path dir;
  nlohmann::json config;
  fs::path base;
};

std::vector<AdapterCase> all_cases() {
  std::vector<AdapterCase> cases;
  for (const auto& entry : fs::directory_iterator(tests::fixture("peft"))) {
    if (fs::exists(entry.path() / "adapter_config.json")) cases.emplace_back(entry.path());
  }
  REQUIRE(cases.size() >= 30);
  return cases;
}

PackedBatch one_sequence() {
  const auto file = SafetensorsFile::open(tests::fixture("peft/ids.safetensors"));
  PackedBatch batch;
  batch.tokens.resize(file.info("input_ids").num_elements);
  file.read_raw("input_ids", std::as_writable_bytes(std::span(batch.tokens)));
  for (size_t i = 0; i < batch.tokens.size(); ++i) {
    batch.positions.push_back(static_cast<int32_t>(i));
  }
  batch.segments.push_back({0, batch.num_rows(), -1});
  return batch;
}

std::vector<int64_t> rows_of_all(const PackedBatch& batch) {
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < batch.num_rows(); ++row) rows.push_back(row);
  return rows;
}

at::Tensor expected_logits(const AdapterCase& adapter) {
  return ParityFixture(adapter.dir).expected("logits", "expected_logits.safetensors").select(0, 0);
}

PolicyConfig config_of(const fs::path& model, const fs::path& adapter = {}) {
  PolicyConfig config;
  config.path = model.string();
  config.lora.path = adapter.string();
  return config;
}

at::Tensor logits_of(const PolicyConfig& config, ThreadTeam& team) {
  const at::NoGradGuard no_grad;
  const auto policy = Policy::load(config, Purpose::inference, team);
  const auto batch = one_sequence();
  return policy->logits(policy->forward(batch, team), rows_of_all(batch), team);
}

double distance(const at::Tensor& a, const at::Tensor& b) {
  if (a.sizes() != b.sizes()) return 1e9;
  return (a - b).abs().max().item<double>();
}

/// A copy of the plain adapter with another config, and further tensors.
class ChangedAdapter {
 public:
  explicit ChangedAdapter(const std::string& name) : from_(tests::fixture("peft/" + name)) {
    for (const char* file : {"adapter_config.json", "adapter_model.safetensors"}) {
      fs::copy_file(from_ / file, folder_ / file);
    }
  }
  void set(const std::string& key, const nlohmann::json& value) const {
    auto config = nlohmann::json::parse(text_of(folder_ / "adapter_config.json"));
    config[key] = value;
    std::ofstream(folder_ / "adapter_config.json") << config.dump();
  }
  /// Under other names; "" leaves a tensor out.
  void rename(const std::map<std::string, std::string>& names) const {
    const auto file = SafetensorsFile::open(from_ / "adapter_model.safetensors");
    std::vector<RawTensor> tensors;
    for (const auto& info : file.tensors()) {
      const auto found = names.find(info.name);
      const std::string name = found == names.end() ? info.name : found->second;
      if (name.empty()) continue;
      std::vector<std::byte> bytes(info.num_bytes);
      file.read_raw(info.name, bytes);
      tensors.push_back(
          {name, info.dtype, info.shape, [bytes](uint64_t first, std::span<std::byte> out) {
             std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(first), out.size(),
                         out.begin());
           }});
    }
    write_safetensors(folder_ / "adapter_model.safetensors", std::move(tensors), {});
  }
  fs::path path() const { return folder_.path(); }

  std::string refusal(const fs::path& base) const {
    ThreadTeam team(1);
    try {
      logits_of(config_of(base, path()), team);
    } catch (const Error& error) {
      return error.what();
    }
    return "it was loaded";
  }

 private:
  fs::path from_;
  TemporaryFolder folder_;
};

bool says(const std::string& text, std::initializer_list<const char*> parts) {
  INFO(text);
  const bool is_said = std::ranges::all_of(
      parts, [&](const char* part) { return text.find(part) != std::string::npos; });
  CHECK(is_said);
  return is_said;
}

}  // namespace

TEST_CASE("an adapter of any kind computes what PEFT computes with it", "[policy][adapter]") {
  ThreadTeam team(2);
  for (const AdapterCase& adapter : all_cases()) {
    INFO(adapter.dir.filename().string());
    for (const Compute compute : {Compute::native, Compute::reference}) {
      PolicyConfig config = config_of(adapter.base, adapter.dir);
      config.compute = compute;
      CHECK(distance(logits_of(config, team), expected_logits(adapter)) < 2e-4);
    }
  }
}

TEST_CASE("an adapter folded into its base computes what PEFT computes", "[policy][adapter]") {
  ThreadTeam team(2);
  for (const AdapterCase& adapter : all_cases()) {
    INFO(adapter.dir.filename().string());
    const TemporaryFolder folder;
    merge_adapter(adapter.base, adapter.dir, folder / "merged");
    CHECK(distance(logits_of(config_of(folder / "merged"), team), expected_logits(adapter)) < 2e-4);
  }
}

TEST_CASE("a policy with an adapter is saved merged and in PEFT's form", "[policy][adapter]") {
  ThreadTeam team(2);
  for (const AdapterCase& adapter : all_cases()) {
    INFO(adapter.dir.filename().string());
    const TemporaryFolder folder;
    std::unique_ptr<Policy> policy;
    try {
      policy = Policy::load(config_of(adapter.base, adapter.dir), Purpose::training, team);
    } catch (const ConfigError& error) {
      says(error.what(), {"model.lora.path", "gradus model merge"});
      continue;
    }
    policy->save_adapters(folder / "adapter");
    policy->save(folder / "merged", true);
    CHECK(distance(logits_of(config_of(folder / "merged"), team), expected_logits(adapter)) < 2e-4);
    const auto before = SafetensorsFile::open(adapter.dir / "adapter_model.safetensors");
    const auto after = SafetensorsFile::open(folder / "adapter/adapter_model.safetensors");
    REQUIRE(after.tensors().size() == before.tensors().size());
    for (const auto& info : before.tensors()) {
      std::vector<std::byte> wanted(info.num_bytes);
      std::vector<std::byte> got(after.info(info.name).num_bytes);
      before.read_raw(info.name, wanted);
      after.read_raw(info.name, got);
      CHECK((wanted == got));
    }
    auto config = nlohmann::json::parse(text_of(folder / "adapter/adapter_config.json"));
    config["base_model_name_or_path"] = adapter.config["base_model_name_or_path"];
    CHECK(config == adapter.config);
  }
}

TEST_CASE("an adapter of the head is trained, sampled with and left out for the reference policy",
          "[policy][adapter]") {
  ThreadTeam team(2);
  const auto batch = one_sequence();
  ScoreList list;
  for (int64_t row = 0; row + 1 < batch.num_rows(); ++row) {
    list.rows.push_back(row);
    list.targets.push_back(batch.tokens[static_cast<size_t>(row) + 1]);
  }
  for (const char* base : {"peft/bases/llama", "peft/bases/tied"}) {
    std::map<std::string, at::Tensor> wanted;
    for (const Compute compute : {Compute::reference, Compute::native}) {
      INFO(base << " " << static_cast<int>(compute));
      PolicyConfig config = config_of(tests::fixture(base));
      config.compute = compute;
      config.lora.rank = 3;
      config.lora.targets = {"lm_head"};
      const auto policy = Policy::load(config, Purpose::training, team);
      REQUIRE(policy->parameters().size() == 2);
      for (auto& parameter : policy->parameters()) {
        const at::NoGradGuard no_grad;
        if (parameter.name.ends_with("lora_B.weight")) {
          parameter.value.copy_(at::arange(parameter.value.numel()).view_as(parameter.value) *
                                0.01);
        }
      }
      policy->publish_weights(team);
      const auto hidden = policy->forward(batch, team);
      const auto scores = policy->score(hidden, list, 1.0, team);
      torch::autograd::backward({scores.logprobs.mean()}, {});
      for (const auto& parameter : policy->parameters()) {
        INFO(parameter.name);
        CHECK(parameter.grad.abs().max().item<float>() > 1e-4F);
        if (compute == Compute::reference) {
          wanted[parameter.name] = parameter.grad;
        } else {
          CHECK(at::allclose(parameter.grad, wanted[parameter.name], 1e-3, 1e-6));
        }
      }
      const at::NoGradGuard no_grad;
      const auto logits = policy->logits(hidden, rows_of_all(batch), team);
      const auto sampled = at::log_softmax(logits.narrow(0, 0, logits.size(0) - 1), 1)
                               .gather(1, at::tensor(list.targets).unsqueeze(1))
                               .squeeze(1);
      CHECK(distance(sampled, scores.logprobs) < 1e-5);
      const auto below = policy->score(policy->forward(batch, team, false), list, 1.0, team, false);
      PolicyConfig plain = config_of(tests::fixture(base));
      plain.compute = compute;
      const auto alone = at::log_softmax(logits_of(plain, team), 1)
                             .narrow(0, 0, logits.size(0) - 1)
                             .gather(1, at::tensor(list.targets).unsqueeze(1))
                             .squeeze(1);
      CHECK(distance(below.logprobs, alone) < 1e-5);
      CHECK(distance(below.logprobs, scores.logprobs) > 1e-2);
      const TemporaryFolder folder;
      policy->save(folder / "merged", true);
      CHECK(distance(logits_of(config_of(folder / "merged"), team), logits) < 1e-4);
      policy->save_adapters(folder / "adapter");
      CHECK(distance(logits_of(config_of(tests::fixture(base), folder / "adapter"), team), logits) <
            1e-5);
    }
  }
}

TEST_CASE("what an adapter's config asks for and is not LoRA is refused by its key",
          "[policy][adapter][fault]") {
  const auto base = tests::fixture("peft/bases/llama");
  const std::pair<const char*, nlohmann::json> cases[] = {{"use_dora", true},
                                                          {"layer_replication", {{0, 1}, {0, 1}}},
                                                          {"use_qalora", true},
                                                          {"alora_invocation_tokens", {1, 2}},
                                                          {"init_lora_weights", "pissa_niter_4"},
                                                          {"init_lora_weights", "loftq"},
                                                          {"init_lora_weights", 3},
                                                          {"kasa_config", {{"beta", 1}}},
                                                          {"a_key_of_tomorrow", 1},
                                                          {"peft_type", "LOHA"},
                                                          {"lora_alpha", "4"},
                                                          {"r", 2.5},
                                                          {"r", {2}},
                                                          {"use_rslora", "yes"},
                                                          {"rank_pattern", {{"q_proj", "2"}}},
                                                          {"alpha_pattern", {1}},
                                                          {"target_modules", {1}},
                                                          {"modules_to_save", "lm_head"},
                                                          {"layers_to_transform", "all"},
                                                          {"trainable_token_indices", "all"}};
  for (const auto& [key, value] : cases) {
    const ChangedAdapter adapter("plain");
    adapter.set(key, value);
    says(adapter.refusal(base), {"adapter_config.json", key});
  }
  const ChangedAdapter adapter("plain");
  adapter.set("target_modules", "(q_proj");
  says(adapter.refusal(base), {"adapter_config.json", "target_modules", "regular expression"});
}

TEST_CASE("a tensor of an adapter that would not be used is refused by name",
          "[policy][adapter][fault]") {
  const auto base = tests::fixture("peft/bases/llama");
  const std::string q = "base_model.model.model.layers.0.self_attn.q_proj";
  const auto renamed = [&](const std::string& name, const std::string& to) {
    const ChangedAdapter adapter("plain");
    adapter.rename({{name, to}});
    return adapter.refusal(base);
  };
  says(renamed(q + ".lora_A.weight", ""), {"q_proj.lora_B.weight", "lora_A"});
  says(renamed(q + ".lora_A.weight", q + ".lora_magnitude_vector"), {"lora_magnitude", "DoRA"});
  says(renamed(q + ".lora_A.weight", q + ".lora_Z.weight"), {"q_proj.lora_Z.weight"});
  says(renamed(q + ".lora_A.weight", "model.q.lora_A.weight"), {"model.q.lora_A.weight"});
  says(renamed(q + ".lora_A.weight", "base_model.model.model.layers.7.x.weight"),
       {"q_proj.lora_B.weight", "lora_A"});
  const auto set = [&](const char* key, const nlohmann::json& value) {
    const ChangedAdapter adapter("plain");
    adapter.set(key, value);
    return adapter.refusal(base);
  };
  says(set("r", 3), {"lora_A.weight", "[2, 10]", "[3, 10]"});
  says(set("target_modules", {"down_proj"}), {"q_proj.lora_A.weight", "target_modules"});
  says(set("target_modules", {"q_proj", "down_proj", "v_proj"}), {"v_proj", "target_modules"});
  says(set("modules_to_save", {"lm_head"}), {"lm_head", "modules_to_save"});
  says(set("trainable_token_indices", {1}), {"embed_tokens", "trainable_token_indices"});
  says(ChangedAdapter("plain").refusal(tests::fixture("peft/bases/moe")), {"down_proj"});
}

TEST_CASE("an adapter's files are no links out of its folder and no pickles",
          "[policy][adapter][fault]") {
  const auto base = tests::fixture("peft/bases/llama");
  const auto plain = tests::fixture("peft/plain");
  const TemporaryFolder folder;
  fs::copy_file(plain / "adapter_config.json", folder / "adapter_config.json");
  ThreadTeam team(1);
  std::ofstream(folder / "adapter_model.bin") << "x";
  CHECK_THROWS_WITH(logits_of(config_of(base, folder.path()), team), Catch::Contains("pickle"));
  fs::create_symlink(plain / "adapter_model.safetensors", folder / "adapter_model.safetensors");
  CHECK_THROWS_WITH(logits_of(config_of(base, folder.path()), team),
                    Catch::Contains("link out of its folder"));
}

TEST_CASE("fresh adapters beside an embedding are refused", "[policy][adapter][fault]") {
  ThreadTeam team(1);
  PolicyConfig config = config_of(tests::fixture("peft/bases/llama"));
  config.lora.rank = 2;
  config.lora.targets = {"q_proj", "embed_tokens"};
  CHECK_THROWS_WITH(Policy::load(config, Purpose::training, team), Catch::Contains("embed_tokens"));
}
