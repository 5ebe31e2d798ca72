// Training as a user runs it: a fresh tiny model, three steps, stopped and resumed.

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "rl/run/metrics_log.h"
#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_recipe.h"

using namespace gradus::cli;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

using Figures = std::map<std::pair<int64_t, std::string>, double>;

Figures deterministic_figures(const fs::path& run) {
  Figures figures;
  for (const auto& record : gradus::rl::read_metrics(run / "metrics.jsonl")) {
    for (const auto& [name, value] : record.values) {
      if (gradus::rl::is_deterministic_metric(name)) figures[{record.step, name}] = value;
    }
  }
  return figures;
}

}  // namespace

TEST_CASE("a dry run prints a recipe that can be run, and the memory it needs", "[cli][train]") {
  const TemporaryFolder folder;
  const auto recipe = write_recipe(folder);
  const auto result = run_gradus({"train", recipe, "--set", "rl.kl_coef=0.125", "--dry-run"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(result.out.find("kl_coef = 0.125") != std::string::npos);
  CHECK(result.out.find("# memory, estimated") != std::string::npos);
  write_text(folder / "resolved.toml", result.out);
  const auto again = run_gradus({"train", folder / "resolved.toml", "--dry-run", "--json"});
  REQUIRE(again.exit_code == 0);
  CHECK(json::parse(again.out)["recipe"]["rl"]["kl_coef"] == 0.125);
  CHECK(json::parse(again.out)["memory_bytes"].get<int64_t>() > 0);
}

TEST_CASE("a run that stops after two steps and is resumed ends as the one that did not",
          "[cli][train]") {
  const TemporaryFolder folder;
  const auto recipe = write_recipe(folder);
  const auto whole = run_gradus({"train", recipe, "--run-dir", folder / "whole", "--json"});
  INFO(whole.err);
  REQUIRE(whole.exit_code == 0);
  // The evaluation at the end belongs to the recipe's last step: it is the same in both runs only
  // when the first part does not end there.
  const auto part = run_gradus({"train", recipe, "--run-dir", folder / "part", "--set",
                                "run.steps=2", "--set", "rollout.workers=2"});
  INFO(part.err);
  REQUIRE(part.exit_code == 0);
  const auto rest = run_gradus({"train", "--resume", folder / "part", "--set", "run.steps=3"});
  INFO(rest.err);
  REQUIRE(rest.exit_code == 0);

  auto expected = deterministic_figures(folder / "whole");
  auto resumed = deterministic_figures(folder / "part");
  // Step 2 was the last step of the first part, hence evaluated as well.
  std::erase_if(resumed, [](const auto& figure) {
    return figure.first.first == 2 && figure.first.second.rfind("eval/", 0) == 0;
  });
  for (auto* figures : {&expected, &resumed}) {
    std::erase_if(*figures, [](const auto& figure) { return figure.second != figure.second; });
  }
  CHECK(expected == resumed);
  const std::string weights = "final/model.safetensors";
  CHECK(read_text(folder.path() / "whole" / weights) ==
        read_text(folder.path() / "part" / weights));
}

TEST_CASE("a finished run leaves its policy, its report and its evaluations", "[cli][train]") {
  const TemporaryFolder folder;
  const auto recipe = write_recipe(folder);
  const auto trained = run_gradus({"train", recipe, "--run-dir", folder / "run"});
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK(trained.out.find("accuracy before") != std::string::npos);
  const fs::path run = folder.path() / "run";
  for (const char* name : {"recipe.toml", "metrics.jsonl", "ledger.jsonl", "report.html",
                           "status.json", "final/config.json", "final/model.safetensors"}) {
    INFO(name);
    CHECK(fs::exists(run / name));
  }
  const auto listed = run_gradus({"runs", "list", folder.path().string(), "--json"});
  CHECK(json::parse(listed.out)["state"] == "finished");
  const auto again = run_gradus({"train", recipe, "--run-dir", folder / "run"});
  CHECK(again.exit_code == 1);
  CHECK(again.err.find("holds a run already") != std::string::npos);

  const auto evaluated =
      run_gradus({"eval", "--model", (run / "final").string(), "--task", "arithmetic", "--limit",
                  "3", "--max-tokens", "6", "--out", folder / "problems.jsonl", "--json"});
  INFO(evaluated.err);
  REQUIRE(evaluated.exit_code == 0);
  const auto figures = json::parse(evaluated.out);
  CHECK(figures["problems"] == 3);
  CHECK(figures["low"].get<double>() <= figures["accuracy"].get<double>());
  CHECK(figures["high"].get<double>() >= figures["accuracy"].get<double>());
  CHECK(fs::exists(folder / "problems.jsonl"));

  const std::vector<std::string> sample{"sample",   "--model",      (run / "final").string(),
                                        "--prompt", "1 + 2 =",      "-n",
                                        "2",        "--max-tokens", "5",
                                        "--json"};
  const auto sampled = run_gradus(sample);
  INFO(sampled.err);
  REQUIRE(sampled.exit_code == 0);
  const auto first = json::parse(sampled.out.substr(0, sampled.out.find('\n')));
  CHECK(first["tokens"].size() <= 5);
  CHECK(first["tokens"].size() == first["logprobs"].size());
}

TEST_CASE("a checkpoint goes to GGUF and back with the same weights", "[cli][model]") {
  const TemporaryFolder folder;
  const auto recipe = write_recipe(folder);
  const auto trained = run_gradus({"train", recipe, "--run-dir", folder / "run", "--set",
                                   "run.steps=1", "--set", "run.eval_every=0"});
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  const auto there = run_gradus({"model", "export", folder / "run", folder / "model.gguf",
                                 "--format", "gguf", "--dtype", "f32"});
  INFO(there.err);
  REQUIRE(there.exit_code == 0);
  const auto back = run_gradus({"model", "convert", folder / "model.gguf", folder / "back"});
  INFO(back.err);
  REQUIRE(back.exit_code == 0);
  CHECK(read_text(folder.path() / "back" / "model.safetensors") ==
        read_text(folder.path() / "run" / "final" / "model.safetensors"));
  CHECK(run_gradus({"model", "convert", folder / "model.gguf", folder / "back"}).exit_code == 1);
}

TEST_CASE("tokens of sampled groups are recorded one by one where that is wanted", "[cli][train]") {
  const TemporaryFolder folder;
  const auto recipe = write_recipe(folder);
  const auto plain = run_gradus({"train", recipe, "--run-dir", folder / "plain"});
  const auto result =
      run_gradus({"train", recipe, "--run-dir", folder / "run", "--set", "run.sample_tokens=1"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK((deterministic_figures(folder.path() / "run") ==
         deterministic_figures(folder.path() / "plain")));
  std::istringstream lines(read_text(folder / "run/samples/step-000001.jsonl"));
  int num_recorded = 0;
  int num_plain = 0;
  for (std::string line; std::getline(lines, line);) {
    const json sample = json::parse(line);
    if (!sample.contains("tokens")) {
      ++num_plain;
      continue;
    }
    ++num_recorded;
    const json& tokens = sample["tokens"];
    const auto count = sample["num_tokens"].get<size_t>();
    REQUIRE(tokens["ids"].size() == count);
    std::string text;
    for (const auto& piece : tokens["texts"]) text += piece.get<std::string>();
    CHECK(text.find(sample["completion"].get<std::string>()) != std::string::npos);
    CHECK(tokens.contains("prompt") == (sample["index"] == 0));
    for (size_t i = 0; i < count; ++i) {
      CHECK(tokens["rollout_logprobs"].at(i) == tokens["logprobs"].at(i));  // float32 on the CPU
      CHECK(tokens["entropies"].at(i).get<double>() > 0.0);
    }
  }
  CHECK(num_recorded == 4);
  CHECK(num_plain == 4);
}
