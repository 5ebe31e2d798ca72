// The stages beside reinforcement learning, as a user runs them on the bundled nano base: each is
// stopped and resumed, and ends with the bits of the run that was not.

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/formats/safetensors/safetensors.h"
#include "rl/run/metrics_log.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace gradus::cli;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

fs::path nano_base() {
  return fs::path(GRADUS_SOURCE_DIR) / "examples/nano/base";
}

/// Sums with the right result and one that is off by one.
std::string sum_pairs(int first, int count) {
  std::string lines;
  for (int i = first; i < first + count; ++i) {
    const int a = 100 + 37 * i % 800;
    const int b = 100 + 53 * i % 800;
    lines += json{{"prompt", fmt::format("{}+{}\n", a, b)},
                  {"chosen", std::to_string(a + b)},
                  {"rejected", std::to_string(a + b + 1)}}
                 .dump() +
             "\n";
  }
  return lines;
}

std::string stage_recipe(const std::string& task, const std::string& more) {
  const bool has_held_out = more.find("eval_path") != std::string::npos;
  return fmt::format(R"(
[run]
task = "{}"
steps = 4
threads = 2
checkpoint_every = 1
eval_every = {}
loggers = []
[model]
path = "{}"
[data]
path = "pairs.jsonl"
chat = false
[rollout]
max_tokens = 8
[optim]
lr = 1e-3
{})",
                     task, has_held_out ? 2 : 0, nano_base().string(), more);
}

void write_stage(const TemporaryFolder& folder, const std::string& task, const std::string& more) {
  write_text(folder / "pairs.jsonl", sum_pairs(0, 24));
  write_text(folder / "held_out.jsonl", sum_pairs(100, 8));
  write_text(folder / "recipe.toml", stage_recipe(task, more));
}

std::vector<gradus::rl::MetricsRecord> train_whole(const TemporaryFolder& folder,
                                                   const std::string& run) {
  const auto result =
      run_gradus({"train", folder / "recipe.toml", "--run-dir", folder / run, "--json"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return gradus::rl::read_metrics(fs::path(folder / run) / "metrics.jsonl");
}

std::string weights_of(const fs::path& run) {
  return read_text(run / "final" / "model.safetensors");
}

/// The first step's, behind the evaluation before training, where there is one.
const std::map<std::string, double>& first_step(
    const std::vector<gradus::rl::MetricsRecord>& records) {
  for (const auto& record : records)
    if (record.step == 1) return record.values;
  FAIL("there is no step 1");
  return records.front().values;
}

/// Two steps, then the rest in another process: the same bits as in one go.
void check_resumed(const TemporaryFolder& folder, const std::string& whole) {
  const auto part = run_gradus(
      {"train", folder / "recipe.toml", "--run-dir", folder / "part", "--set", "run.steps=2"});
  INFO(part.err);
  REQUIRE(part.exit_code == 0);
  const auto rest = run_gradus({"train", "--resume", folder / "part", "--set", "run.steps=4"});
  INFO(rest.err);
  REQUIRE(rest.exit_code == 0);
  CHECK(weights_of(folder / "part") == weights_of(folder / whole));
}

}  // namespace

TEST_CASE("preference training prefers the chosen, and goes on with the same bits",
          "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "preference",
              "[preference]\nbatch_pairs = 8\nbeta = 0.5\neval_path = \"held_out.jsonl\"\n");
  write_text(folder / "recipe.toml",
             read_text(folder / "recipe.toml") + "losses = [\"sigmoid\", \"sft\"]\n");
  const auto records = train_whole(folder, "whole");
  REQUIRE(records.size() >= 4);
  // Nothing has moved before the first step: margins are exactly 0.
  CHECK(first_step(records).at("rewards/margins") == 0.0);
  CHECK(records.back().values.at("rewards/margins") > 0.0);
  CHECK(records.back().values.at("rewards/accuracies") >= 0.5);
  CHECK(records.back().values.at("logps/chosen") > first_step(records).at("logps/chosen"));
  CHECK(records.back().values.at("eval/rewards/accuracies") >= 0.5);
  CHECK(records.back().values.contains("eval/loss"));
  CHECK(fs::exists(fs::path(folder / "whole") / "reference_logprobs.json"));
  check_resumed(folder, "whole");
}

TEST_CASE("the split of pairs into microbatches changes nothing but rounding", "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "preference",
              "[preference]\nbatch_pairs = 6\nlosses = [\"aot\"]\nmicrobatch_tokens = 40\n");
  const auto split = train_whole(folder, "split");
  write_stage(folder, "preference", "[preference]\nbatch_pairs = 6\nlosses = [\"aot\"]\n");
  const auto whole = train_whole(folder, "whole");
  REQUIRE(split.size() == whole.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    INFO("record " << i);
    CHECK(split[i].values.at("loss") ==
          Approx(whole[i].values.at("loss")).epsilon(1e-3).margin(1e-4));
    CHECK(split[i].values.at("grad_norm") == Approx(whole[i].values.at("grad_norm")).epsilon(1e-2));
  }
}

TEST_CASE("a reward model is saved as transformers' classifier, and can be trained on",
          "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(
      folder, "reward_model",
      "[reward_model]\nbatch_pairs = 8\ncenter_coef = 0.01\neval_path = \"held_out.jsonl\"\n");
  const auto records = train_whole(folder, "whole");
  CHECK(records.back().values.at("rewards/margins") > first_step(records).at("rewards/margins"));
  const fs::path final_model = fs::path(folder / "whole") / "final";
  const auto config = json::parse(read_text(final_model / "config.json"));
  CHECK(config["architectures"] == json{"DeepseekV3ForSequenceClassification"});
  CHECK(config["id2label"].size() == 1);
  CHECK(config["pad_token_id"].is_number_integer());
  CHECK(config["pad_token_id"] != config["eos_token_id"]);
  const auto file = gradus::policy::SafetensorsFile::open(final_model / "model.safetensors");
  REQUIRE(file.find("score.weight") != nullptr);
  CHECK(file.find("score.weight")->shape == std::vector<int64_t>{1, 96});
  check_resumed(folder, "whole");

  const auto on = run_gradus({"train", folder / "recipe.toml", "--run-dir", folder / "on", "--set",
                              "run.steps=1", "--set", "model.path=" + final_model.string()});
  INFO(on.err);
  REQUIRE(on.exit_code == 0);
  const auto after = gradus::rl::read_metrics(fs::path(folder / "on") / "metrics.jsonl");
  CHECK(first_step(after).at("rewards/margins") != first_step(records).at("rewards/margins"));
}

TEST_CASE("a trained reward model grades as a rule", "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "reward_model", "[reward_model]\nbatch_pairs = 8\n");
  train_whole(folder, "rm");
  write_stage(folder, "grpo",
              "[rl]\ngroup_size = 2\nprompts_per_step = 2\n[[rewards]]\ntype = "
              "\"reward_model\"\npath = \"rm/final\"\n");
  const auto records = train_whole(folder, "rl");
  CHECK(first_step(records).contains("rewards/reward_model/mean"));
  CHECK(first_step(records).at("rewards/reward_model/failed") == 0.0);
  check_resumed(folder, "rl");

  write_stage(
      folder, "grpo",
      fmt::format("[[rewards]]\ntype = \"reward_model\"\npath = \"{}\"\n", nano_base().string()));
  const auto wrong = run_gradus({"train", folder / "recipe.toml", "--run-dir", folder / "none"});
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("score.weight") != std::string::npos);
}

TEST_CASE("coefficients that follow the KL and the entropy go on with the same bits",
          "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "grpo",
              "[rl]\ngroup_size = 2\nprompts_per_step = 2\nkl_coef = 0.1\nadvantage = "
              "\"reinforce_plus_plus\"\nkl_in_reward = true\n[rl.kl_controller]\ntarget = "
              "0.001\nhorizon = 10\n[rl.entropy_controller]\ntarget = 0.5\n"
              "[[rewards]]\ntype = \"length_budget\"\nbudget = 3\n");
  const auto records = train_whole(folder, "whole");
  CHECK(first_step(records).at("kl_coef") == 0.1);
  CHECK(records.back().values.at("kl_coef") != 0.1);
  CHECK(records.back().values.contains("entropy_coef"));
  check_resumed(folder, "whole");
}

TEST_CASE("tokens on which trainer and sampler differ are left out and counted", "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "grpo",
              "[rl]\ngroup_size = 2\nprompts_per_step = 2\nloss = \"dppo_tv\"\nm2_threshold = "
              "1e-30\n[[rl.rejection]]\nstat = \"seq_mean_k3\"\nmax = 0.01\n"
              "[[rewards]]\ntype = \"length_budget\"\nbudget = 3\n");
  const auto records = train_whole(folder, "whole");
  CHECK(first_step(records).contains("mismatch/rejected_share"));
  CHECK(first_step(records).contains("clip_ratio/dropped_share"));
}

TEST_CASE("on-policy distillation learns from its teacher, and goes on with the same bits",
          "[cli][stages]") {
  const TemporaryFolder folder;
  // The student has unlearned something first, so that there is a difference.
  write_stage(folder, "sft", "[text]\nresponse = \"rejected\"\nbatch_tokens = 256\n");
  train_whole(folder, "student");
  const std::string student = (fs::path(folder / "student") / "final").string();
  for (const char* form : {"advantage", "loss", "jsd"}) {
    INFO(form);
    const TemporaryFolder own;
    write_stage(own, "distill",
                fmt::format("[rl]\ngroup_size = 4\nprompts_per_step = 24\n[distill]\nteacher = "
                            "\"{}\"\nform = \"{}\"\n",
                            nano_base().string(), form));
    std::string recipe = read_text(own / "recipe.toml");
    recipe.replace(recipe.find(nano_base().string()), nano_base().string().size(), student);
    recipe.replace(recipe.find("lr = 1e-3"), 9, "lr = 3e-4");
    recipe.replace(recipe.find("max_tokens = 8"), 14, "max_tokens = 24");
    write_text(own / "recipe.toml", recipe);
    const auto records = train_whole(own, "whole");
    REQUIRE(records.size() == 4);
    CHECK(first_step(records).at("teacher_kl") > 0.0);
    CHECK(records.back().values.at("teacher_kl") < first_step(records).at("teacher_kl"));
    check_resumed(own, "whole");
  }
}

TEST_CASE("distillation of whole distributions on given texts lowers the divergence",
          "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "sft", "[text]\nresponse = \"rejected\"\nbatch_tokens = 256\n");
  train_whole(folder, "student");
  write_stage(folder, "distill",
              fmt::format("[text]\nresponse = \"chosen\"\nbatch_tokens = 256\n[distill]\nteacher = "
                          "\"{}\"\nform = \"jsd\"\non_policy = false\nbeta = 0.5\ntop_k = 8\n",
                          nano_base().string()));
  std::string recipe = read_text(folder / "recipe.toml");
  recipe.replace(recipe.find(nano_base().string()), nano_base().string().size(),
                 (fs::path(folder / "student") / "final").string());
  write_text(folder / "recipe.toml", recipe);
  const auto records = train_whole(folder, "whole");
  CHECK(records.back().values.at("loss") < first_step(records).at("loss"));
  check_resumed(folder, "whole");
}

TEST_CASE("a stage on pairs says what is wrong with a row", "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "preference", "");
  const auto refuse = [&](const std::string& row, const char* what) {
    write_text(folder / "pairs.jsonl", row + "\n");
    const auto result = run_gradus({"train", folder / "recipe.toml", "--run-dir", folder / "run"});
    INFO(result.err);
    CHECK(result.exit_code == 1);
    CHECK(result.err.find("pairs.jsonl:1") != std::string::npos);
    CHECK(result.err.find(what) != std::string::npos);
  };
  refuse(R"({"prompt": "1+1\n", "chosen": "2"})", "has no rejected");
  refuse(R"({"prompt": "1+1\n", "chosen": "2", "rejected": 3})", "neither text nor one message");
  refuse(R"({"chosen": "2", "rejected": "3"})", "has no prompt");
}

TEST_CASE("a teacher with another tokenizer is refused before anything is sampled",
          "[cli][stages]") {
  const TemporaryFolder folder;
  write_stage(folder, "distill", "[distill]\nteacher = \"\"\n");
  const auto missing = run_gradus({"train", folder / "recipe.toml", "--run-dir", folder / "run"});
  CHECK(missing.exit_code == 2);
  CHECK(missing.err.find("distill.teacher") != std::string::npos);
}

TEST_CASE("rl losses answers a file of cases, and names the line that is no JSON",
          "[cli][rl_losses]") {
  const TemporaryFolder folder;
  const std::string line =
      R"({"id": "a", "family": "reward_model", "algorithm": "pair_loss", "options": {}, )"
      R"("inputs": {"chosen_rewards": [1.0], "rejected_rewards": [1.0]}})";
  write_text(folder / "cases.jsonl", line + "\n{\"id\": \"b\", \"family\": \"none\"}\n");
  const std::vector<std::string> command{
      "rl", "losses", "--in", folder / "cases.jsonl", "--out", folder / "results.jsonl"};
  const auto result = run_gradus(command);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const std::string text = read_text(folder / "results.jsonl");
  const auto first = json::parse(text.substr(0, text.find('\n')));
  CHECK(first["loss"].get<double>() == Approx(std::log(2.0)));
  CHECK(json::parse(text.substr(text.find('\n') + 1))["unsupported"].is_string());

  write_text(folder / "cases.jsonl", line + "\n{\"id\": NaN}\n");
  const auto wrong = run_gradus(command);
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("cases.jsonl:2") != std::string::npos);
}
