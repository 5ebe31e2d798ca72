// Chains of stages by the real program: `gradus run` on real files.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/catch.h"
#include "tests/cli/program.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

/// Four stages on the bundled base, each of a few steps.
constexpr const char* kChain = R"(
[run]
name = "tiny"
seed = 3
steps = 3
checkpoint_every = 1
samples_every = 0
[data]
task = "arithmetic"
options = { operators = "+", digits = 3, split = "train" }
template = "{question}\n"
[rollout]
max_tokens = 48
[rl]
prompts_per_step = 4
group_size = 4
[optim]
lr = 1e-4
[[rewards]]
type = "accuracy"
extract = "answer_tag"
[eval.data]
task = "arithmetic"
options = { operators = "+", digits = 3, split = "held_out" }
template = "{question}\n"
count = 16

[[stages]]
name = "zero"
kind = "rl"
from = "BASE"

[[stages]]
name = "rows"
kind = "rejection_sample"
from = "zero"
[stages.settings.sample]
prompts_per_step = 16
samples = 3

[[stages]]
name = "tuned"
kind = "sft"
from = "BASE"
data = "rows"
[stages.settings.text]
batch_tokens = 256

[[stages]]
name = "soup"
kind = "merge"
[stages.merge]
from = ["zero", "tuned"]
weights = [0.25, 0.75]
)";

fs::path write_chain(const TemporaryFolder& folder, const std::string& more = "") {
  std::string text = kChain + more;
  const std::string base = fs::path(GRADUS_SOURCE_DIR) / "examples/nano/base";
  for (size_t at = text.find("BASE"); at != std::string::npos; at = text.find("BASE"))
    text.replace(at, 4, base);
  return folder.write("chain.toml", text);
}

std::string weights(const fs::path& dir, const std::string& stage) {
  return read_text(dir / "stages" / stage / "final" / "model.safetensors");
}

TEST_CASE("a chain runs its stages, and once more does none of them", "[chain]") {
  const TemporaryFolder folder;
  const fs::path recipe = write_chain(folder);
  const fs::path dir = folder / "run";
  const auto first = run_gradus({"run", recipe, "--run-dir", dir});
  INFO(first.out << first.err);
  REQUIRE(first.exit_code == 0);
  for (const char* stage : {"zero", "tuned", "soup"})
    CHECK(fs::exists(dir / "stages" / stage / "final" / "model.safetensors"));
  const auto counts = nlohmann::json::parse(read_text(dir / "stages/rows/counts.json"));
  int64_t sum = counts["kept"].get<int64_t>();
  for (const auto& [reason, count] : counts["dropped"].items()) sum += count.get<int64_t>();
  CHECK(counts["input"] == 3 * 16 * 3);
  CHECK(sum == counts["input"].get<int64_t>());
  const auto row =
      nlohmann::json::parse(read_text(dir / "stages/rows/rows.jsonl")
                                .substr(0, read_text(dir / "stages/rows/rows.jsonl").find('\n')));
  for (const char* key :
       {"prompt_id", "checkpoint", "sampler", "seed", "rules", "scores", "pass_rate"})
    CHECK(row["provenance"].contains(key));

  const auto second = run_gradus({"run", "--resume", dir});
  CHECK(second.exit_code == 0);
  for (const char* stage : {"zero", "rows", "tuned", "soup"})
    CHECK_THAT(second.out, Contains(fmt::format("== {} ", stage)));
  CHECK_THAT(second.out, !Contains("step "));

  // One stage's setting: it and what stands on it are done again, what was there is kept.
  const auto soup = weights(dir, "soup");
  const auto zero = weights(dir, "zero");
  const auto third = run_gradus({"run", recipe, "--run-dir", dir, "--set", "tuned:optim.lr=2e-4"});
  INFO(third.out << third.err);
  REQUIRE(third.exit_code == 0);
  CHECK_THAT(third.out, Contains("== zero (rl): unchanged"));
  CHECK_THAT(third.out, Contains("optim.lr: was 0.0001, is 0.0002"));
  CHECK(weights(dir, "zero") == zero);
  CHECK(weights(dir, "soup") != soup);
  CHECK(fs::exists(dir / "replaced" / "tuned-1" / "final"));

  // More steps are another result, although a run may go on with more.
  const auto longer = run_gradus({"run", recipe, "--run-dir", dir, "--set", "tuned:optim.lr=2e-4",
                                  "--set", "tuned:run.steps=4"});
  INFO(longer.out << longer.err);
  REQUIRE(longer.exit_code == 0);
  CHECK_THAT(longer.out, Contains("run.steps: was 3, is 4"));

  const auto shown = run_gradus({"runs", "show", dir, "--json"});
  const auto stages = nlohmann::json::parse(shown.out)["stages"];
  REQUIRE(stages.size() == 4);
  CHECK(stages[0]["state"] == "done");
  CHECK(stages[3]["evaluation"].contains("eval/accuracy"));
  // What a merge takes is paid for as well.
  CHECK_THAT(read_text(dir / "stages/soup/ledger.jsonl"), Contains("\"save\""));
  CHECK(stages[0]["device_seconds"].get<double>() > 0.0);
  CHECK(fs::exists(dir / "report.html"));
}

TEST_CASE("a chain that is killed again and again ends with the same bits", "[chain]") {
  const TemporaryFolder folder;
  const fs::path recipe = write_chain(folder);
  const fs::path whole = folder / "whole";
  REQUIRE(run_gradus({"run", recipe, "--run-dir", whole}).exit_code == 0);
  const fs::path dir = folder / "killed";
  const std::string program = GRADUS_PROGRAM;
  int kills = 0;
  for (int attempt = 0; attempt < 60; ++attempt) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      ::freopen("/dev/null", "w", stdout);
      ::freopen("/dev/null", "w", stderr);
      ::execl(program.c_str(), program.c_str(), "run", recipe.c_str(), "--run-dir", dir.c_str(),
              nullptr);
      ::_exit(127);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(300 + 170 * attempt));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) {
      REQUIRE(WEXITSTATUS(status) == 0);
      break;
    }
    ++kills;
  }
  CHECK(kills > 0);
  for (const char* stage : {"zero", "tuned", "soup"})
    CHECK(weights(dir, stage) == weights(whole, stage));
  CHECK(read_text(dir / "stages/rows/rows.jsonl") == read_text(whole / "stages/rows/rows.jsonl"));
}

TEST_CASE("a gate that does not open ends the chain, and says why", "[chain]") {
  const TemporaryFolder folder;
  const fs::path recipe = write_chain(folder, R"(
[[stages]]
name = "strict"
kind = "rl"
from = "tuned"
[stages.settings.run]
steps = 1
[stages.gate]
metric = "accuracy"
at_least = 1.0

[[stages]]
name = "after"
kind = "export"
from = "strict"
[stages.export]
path = "other"
dtype = "f32"
)");
  const fs::path dir = folder / "run";
  const auto result = run_gradus({"run", recipe, "--run-dir", dir});
  CHECK(result.exit_code == 1);
  CHECK_THAT(result.err + result.out, Contains("must be at least 1.0000"));
  CHECK_FALSE(fs::exists(dir / "stages" / "after"));
  const auto passed = run_gradus({"run", recipe, "--run-dir", dir, "--only", "after"});
  INFO(passed.err);
  CHECK(passed.exit_code == 0);
  CHECK(fs::exists(dir / "stages" / "after" / "other" / "model.safetensors"));
}

TEST_CASE("a reward model is not evaluated as if it answered", "[chain]") {
  const TemporaryFolder folder;
  const std::string judge =
      "[[stages]]\nname = \"judge\"\nkind = \"reward_model\"\nfrom = \"zero\"\ndata = "
      "\"rows:pairs\"\n[stages.settings.run]\nsteps = 1\n";
  const std::string gate = "[stages.gate]\nmetric = \"accuracy\"\nat_least = 0.1\n";
  const auto refused =
      run_gradus({"run", write_chain(folder, judge + gate), "--run-dir", folder / "run"});
  CHECK(refused.exit_code == 2);
  CHECK_THAT(refused.err, Contains("leaves no policy that answers"));
  const auto result = run_gradus({"run", write_chain(folder, judge), "--run-dir", folder / "run",
                                  "--only", "zero", "--only", "rows", "--only", "judge"});
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == 0);
  const auto record =
      nlohmann::json::parse(read_text(folder.path() / "run" / "chain" / "judge.json"));
  CHECK(record["state"] == "done");
  CHECK(record["evaluation"].empty());
}

TEST_CASE("mistakes in a chain are found before anything is made", "[chain]") {
  const TemporaryFolder folder;
  const auto error_of = [&](const std::string& more) {
    const auto result = run_gradus({"run", write_chain(folder, more), "--run-dir", folder / "run"});
    CHECK(result.exit_code == 2);
    CHECK_FALSE(fs::exists(folder / "run"));
    return result.err;
  };
  CHECK_THAT(error_of("[[stages]]\nname = \"x\"\nkind = \"rl\"\nfrom = \"tunde\"\n"),
             Contains("did you mean the stage \"tuned\""));
  CHECK_THAT(error_of("[[stages]]\nname = \"x\"\nkind = \"slf\"\n"), Contains("kind"));
  CHECK_THAT(error_of("[[stages]]\nname = \"zero\"\nkind = \"rl\"\nfrom = \"tuned\"\n"),
             Contains("is an earlier stage's"));
  CHECK_THAT(error_of("[[stages]]\nname = \"x\"\nkind = \"rl\"\nfrom = \"zero\"\n"
                      "[stages.settings.rl]\ngroup_sice = 3\n"),
             Contains("group_size"));
  CHECK_THAT(run_gradus({"train", write_chain(folder)}).err, Contains("gradus run"));
}

TEST_CASE("R1's chain at nano scale goes through, in a short form", "[chain]") {
  const TemporaryFolder folder;
  const std::string recipe = fs::path(GRADUS_SOURCE_DIR) / "examples/r1/r1.toml";
  const auto dry = run_gradus({"run", recipe, "--run-dir", folder / "run", "--dry-run", "--json"});
  INFO(dry.err);
  REQUIRE(dry.exit_code == 0);
  CHECK(nlohmann::json::parse(dry.out)["stages"].size() >= 12);
  CHECK_FALSE(fs::exists(folder / "run"));
  // Two steps of pre-training make no right answers: everything that ends is kept here.
  std::vector<std::string> arguments{"run", recipe, "--run-dir", folder / "run"};
  for (const char* stage : {"base", "zero", "cold_rows", "cold"})
    arguments.insert(arguments.end(), {"--only", stage});
  for (const char* setting :
       {"*:run.steps=2", "base:data.count=2000", "eval.data.count=8",
        "cold_rows:sample.select.right_from=-1", "cold_rows:sample.select.min_scores={}",
        "cold_rows:sample.select.think_blocks=any", "cold_rows:sample.select.must_stop=false",
        "cold_rows:sample.select.min_distinct=0", "cold_rows:sample.select.max_repeats=0"})
    arguments.insert(arguments.end(), {"--set", setting});
  const auto result = run_gradus(arguments);
  INFO(result.out << result.err);
  CHECK(result.exit_code == 0);
  CHECK(fs::exists(folder / "run/stages/cold/final/model.safetensors"));
}

TEST_CASE("rows are filtered, split and counted from the command line", "[chain]") {
  const TemporaryFolder folder;
  std::string rows;
  for (int i = 0; i < 40; ++i)
    rows += fmt::format(
        R"({{"prompt": "What is {0} + 1?", "response": "{0} and one", "provenance": )"
        R"({{"prompt_id": "{0}", "index": 0, "reward": {1}, "scores": {{"accuracy": {1}}}}}}})"
        "\n",
        i, i % 2);
  const auto in = folder.write("rows.jsonl", rows);
  const auto held = folder.write("held.jsonl", "{\"prompt\": \"What is 7 + 1?\"}\n");
  const auto filtered = run_gradus(
      {"data", "filter", "--in", in, "--out", folder / "good.jsonl", "--against", held, "--json"});
  INFO(filtered.err);
  const auto counts = nlohmann::json::parse(filtered.out);
  CHECK(counts["kept"] == 19);
  CHECK(counts["dropped"]["wrong"] == 20);
  CHECK(counts["dropped"]["contaminated"] == 1);
  CHECK(run_gradus({"data", "split", "--in", in, "--part", (folder / "a.jsonl").string() + "=0.5",
                    "--part", (folder / "b.jsonl").string() + "=0.5"})
            .exit_code == 0);
  CHECK(read_text(folder / "a.jsonl").size() + read_text(folder / "b.jsonl").size() == rows.size());
  CHECK(!read_text(folder / "a.jsonl").empty());
  const auto stats = nlohmann::json::parse(run_gradus({"data", "stats", "--in", in, "--json"}).out);
  CHECK(stats["prompts_always_solved"] == 20);
  CHECK(stats["mean_reward"] == 0.5);
}

}  // namespace
}  // namespace gradus::cli
