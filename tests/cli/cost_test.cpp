// What runs cost and will cost, by the real program.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/catch.h"
#include "tests/cli/tiny_recipe.h"

extern char** environ;

using namespace gradus::cli;
using nlohmann::json;

namespace {

using Time = std::chrono::steady_clock;

double since(Time::time_point begin) {
  return std::chrono::duration<double>(Time::now() - begin).count();
}

/// Runs the program and kills it after some time, unless it ends before; 0: lets it end.
/// @return  seconds that it lived
double live(std::vector<std::string> words, int kill_after_ms) {
  words.insert(words.begin(), GRADUS_PROGRAM);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {1, 2})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const auto begin = Time::now();
  REQUIRE(posix_spawn(&pid, GRADUS_PROGRAM, &actions, nullptr, argv.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  while (kill_after_ms > 0 && since(begin) < kill_after_ms / 1000.0) {
    if (::waitpid(pid, &status, WNOHANG) == pid) return since(begin);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (kill_after_ms > 0) ::kill(pid, SIGKILL);
  ::waitpid(pid, &status, 0);
  return since(begin);
}

/// Reinforcement learning, and samples of what came of it.
constexpr const char* kSmallChain = R"(
[run]
name = "small"
steps = 3
checkpoint_every = 1
[data]
task = "arithmetic"
options = { operators = "+", digits = 3, split = "train" }
template = "{question}\n"
[rollout]
max_tokens = 32
[rl]
prompts_per_step = 8
group_size = 4
[[rewards]]
type = "accuracy"
extract = "answer_tag"
[eval.data]
task = "arithmetic"
options = { operators = "+", digits = 3, split = "held_out" }
template = "{question}\n"
count = 32
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
samples = 2
)";

std::string calibration_of(const TemporaryFolder& folder) {
  return (folder.path() / "calibration.json").string();
}

}  // namespace

TEST_CASE("the bill of a run that was killed is the time that its processes lived", "[cli][cost]") {
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  const std::string run = folder / "run";
  double lived = live({"train", recipe, "--run-dir", run, "--set", "run.steps=60", "--set",
                       "run.eval_every=20", "--set", "run.checkpoint_every=10"},
                      2500);
  for (const int kill_after_ms : {2000, 1700, 2300, 0})
    lived += live({"train", "--resume", run}, kill_after_ms);
  const auto result = run_gradus({"cost", run, "--json", "--calibration", calibration_of(folder)});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto bill = json::parse(result.out);
  const double counted = bill["total"]["wall_seconds"];
  INFO("lived " << lived << " s, counted " << counted << " s");
  CHECK(counted == Approx(lived).epsilon(0.05));
  double parts = bill["lost"]["device_seconds"];
  for (const auto& stage : bill["stages"]) parts += stage["device_seconds"].get<double>();
  CHECK(parts == Approx(bill["total"]["device_seconds"].get<double>()));
  double rows = 0.0;
  for (const auto& row : bill["rows"]) rows += row["device_seconds"].get<double>();
  CHECK(rows == Approx(bill["total"]["device_seconds"].get<double>()));
  CHECK(bill["stages"][0]["name"] == "grpo");
}

TEST_CASE("a bill is text, JSON and CSV, and a picture in the report", "[cli][cost]") {
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  const std::string run = folder / "run";
  REQUIRE(run_gradus({"train", recipe, "--run-dir", run, "--set", "ledger.device_price_per_hour=2",
                      "--set", "ledger.devices=2"})
              .exit_code == 0);
  const std::vector<std::string> words{"cost", run, "--calibration", calibration_of(folder)};
  const auto with = [&](const char* flag) {
    auto all = words;
    if (*flag != '\0') all.emplace_back(flag);
    const auto result = run_gradus(all);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    return result.out;
  };
  const std::string text = with("");
  for (const char* row :
       {"Reinforcement learning", "Evaluation", "Start-up", "Checkpoints", "Total"})
    CHECK(text.find(row) != std::string::npos);
  const auto bill = json::parse(with("--json"));
  const auto& total = bill["total"];
  for (const char* key : {"device_seconds", "wall_seconds", "tokens", "flops", "money"})
    CHECK(bill["stages"][0].contains(key));
  CHECK(total["device_seconds"].get<double>() == Approx(2.0 * total["wall_seconds"].get<double>()));
  CHECK(total["money"].get<double>() ==
        Approx(total["device_seconds"].get<double>() / 3600.0 * 2.0));
  CHECK(total["flops"].get<double>() == Approx(total["counted_flops"].get<double>()).epsilon(0.01));
  const std::string csv = with("--csv");
  CHECK(csv.find("name,device_seconds") == 0);
  CHECK(csv.find("\nTotal,") != std::string::npos);
  CHECK(read_text(folder.path() / "run/report.html").find("Device time by stage") !=
        std::string::npos);
  const auto nothing = run_gradus({"cost", recipe});
  CHECK(nothing.exit_code != 0);
}

TEST_CASE("a chain's bill has a row for each stage, in the chain's order", "[cli][cost]") {
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  for (const char* name : {"zero", "again"})
    REQUIRE(run_gradus({"train", recipe, "--run-dir",
                        folder / ("chain/stages/" + std::string(name)), "--set", "run.steps=1"})
                .exit_code == 0);
  write_text(folder.path() / "chain/chain.json", R"({"stages": ["zero", "again"]})");
  const auto result =
      run_gradus({"cost", folder / "chain", "--json", "--calibration", calibration_of(folder)});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto bill = json::parse(result.out);
  REQUIRE(bill["stages"].size() == 2);
  CHECK(bill["stages"][0]["name"] == "zero");
  CHECK(bill["stages"][1]["name"] == "again");
}

TEST_CASE("the bill of a chain is the time of its process, and its plan names its stages",
          "[cli][cost]") {
  const TemporaryFolder folder;
  std::string text = kSmallChain;
  const std::string base = std::filesystem::path(GRADUS_SOURCE_DIR) / "examples/nano/base";
  for (size_t at; (at = text.find("BASE")) != std::string::npos;) text.replace(at, 4, base);
  write_text(folder.path() / "chain.toml", text);
  const auto planned = run_gradus(
      {"plan", folder / "chain.toml", "--json", "--calibration", calibration_of(folder)});
  INFO(planned.err);
  REQUIRE(planned.exit_code == 0);
  const auto plan = json::parse(planned.out);
  REQUIRE(plan["stages"].size() == 2);
  CHECK(plan["stages"][1]["kind"] == "rejection_sample");
  CHECK(plan["stages"][1]["sampled_tokens"].get<double>() > 0.0);
  const double lived = live({"run", folder / "chain.toml", "--run-dir", folder / "chain"}, 0);
  const auto result =
      run_gradus({"cost", folder / "chain", "--json", "--calibration", calibration_of(folder)});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto bill = json::parse(result.out);
  INFO("lived " << lived << " s, counted " << bill["total"]["wall_seconds"]);
  CHECK(bill["total"]["wall_seconds"].get<double>() == Approx(lived).epsilon(0.08));
  REQUIRE(bill["stages"].size() == 2);
  std::vector<std::string> names;
  for (const auto& row : bill["rows"]) names.push_back(row["name"]);
  for (const char* name : {"Reinforcement learning", "Data sampling", "Evaluation"})
    CHECK(std::ranges::count(names, name) == 1);
}

TEST_CASE("a recipe's plan says time, memory, disk and what it rests on", "[cli][cost]") {
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  const std::string file = calibration_of(folder);
  const auto guessed = run_gradus({"plan", recipe, "--json", "--calibration", file});
  INFO(guessed.err);
  REQUIRE(guessed.exit_code == 0);
  const auto first = json::parse(guessed.out);
  CHECK(first["stages"][0]["wall_seconds"].get<double>() > 0.0);
  CHECK(first["stages"][0]["memory_per_device"].get<double>() > 1e6);
  CHECK(first["stages"][0]["assumptions"][0].get<std::string>().find("not measured") !=
        std::string::npos);
  const auto measured =
      run_gradus({"plan", recipe, "--json", "--calibrate", "--calibration", file});
  INFO(measured.err);
  REQUIRE(measured.exit_code == 0);
  const auto second = json::parse(measured.out);
  CHECK(second["stages"][0]["assumptions"][0].get<std::string>().find("trial of this stage") !=
        std::string::npos);
  const auto text = run_gradus({"plan", recipe, "--calibration", file});
  CHECK(text.out.find("assumptions") != std::string::npos);
  const auto cluster = run_gradus({"plan", recipe, "--json", "--cluster", "devices=8,kind=h100"});
  REQUIRE(cluster.exit_code == 0);
  CHECK(json::parse(cluster.out)["cluster"]["kind"] == "h100");
}

TEST_CASE("a published run's plan stands beside its bill", "[cli][cost]") {
  const auto v3 = run_gradus({"plan", "--published", "deepseek-v3", "--json"});
  INFO(v3.err);
  REQUIRE(v3.exit_code == 0);
  const auto plan = json::parse(v3.out);
  CHECK(plan["total"]["money"].get<double>() == Approx(5.576e6).epsilon(0.1));
  CHECK(plan["stages"][0]["flops_per_token"].get<double>() == Approx(250.5e9).epsilon(0.01));
  CHECK(plan["published"]["rows"][0]["ratio"].get<double>() == Approx(1.0).epsilon(0.1));
  const auto r1 = run_gradus({"plan", "--published", "deepseek-r1"});
  CHECK(r1.exit_code == 0);
  CHECK(r1.out.find("R1-Zero") != std::string::npos);
  CHECK(run_gradus({"plan", "--published", "deepseek-v4"}).exit_code == 2);
}

TEST_CASE("a run that does not fit says so at its start", "[cli][cost]") {
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  // No disk holds so many copies of the policy's checkpoints.
  const auto result = run_gradus({"train", recipe, "--run-dir", folder / "run", "--set",
                                  "run.steps=1", "--set", "run.keep=1000000000"});
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK(read_text(folder.path() / "run/warnings.jsonl").find("disk: this stage may take") !=
        std::string::npos);
  const auto dry = run_gradus({"train", recipe, "--dry-run"});
  CHECK(dry.out.find("a step") != std::string::npos);
}
