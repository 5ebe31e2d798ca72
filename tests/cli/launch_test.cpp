// Several processes train one policy: the real program, launched.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>

#include "rl/parallel/c10d.h"
#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_recipe.h"

using namespace gradus;
using namespace gradus::cli;

namespace {

namespace fs = std::filesystem;

/// What must not depend on the number of processes: weights, and figures without those of the
/// clock.
std::string result_of(const fs::path& run) {
  std::string metrics = read_text(run / "metrics.jsonl");
  metrics = std::regex_replace(metrics, std::regex(", ?\"(time|perf)/[^\"]*\": ?[^,}]+"), "");
  REQUIRE(fs::exists(run / "final/model.safetensors"));
  return metrics + read_text(run / "final/model.safetensors") +
         read_text(run / "samples/step-000002.jsonl");
}

/// Microbatches of one completion or two, so that every rank has some.
const std::vector<std::string> kSmallParts{"--set", "rl.microbatch_tokens=24", "--set",
                                           "run.threads=1"};

std::vector<std::string> launched(int ranks, const std::vector<std::string>& command,
                                  const std::vector<std::string>& options = {}) {
  std::vector<std::string> all{"launch", "-n", std::to_string(ranks)};
  all.insert(all.end(), options.begin(), options.end());
  all.emplace_back("--");
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

std::vector<std::string> train(const std::string& recipe, const fs::path& run,
                               const std::vector<std::string>& more = kSmallParts) {
  std::vector<std::string> all{"train", recipe, "--run-dir", run.string()};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

std::string ok(const ProgramResult& result) {
  INFO(result.out << result.err);
  REQUIRE(result.exit_code == 0);
  return result.err;
}

bool has_ranks() {
  if (rl::has_c10d()) return true;
  WARN("this build knows no other processes: nothing is tested");
  return false;
}

}  // namespace

TEST_CASE("a run has the same bits on one process and on several", "[cli][launch]") {
  if (!has_ranks()) return;
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  ok(run_gradus(train(recipe, folder / "one")));
  const std::string expected = result_of(folder / "one");
  for (const int ranks : {2, 3}) {
    const fs::path run = folder / std::to_string(ranks);
    auto settings = kSmallParts;
    settings.insert(settings.end(), {"--set", "cluster.zero=" + std::to_string(ranks - 2)});
    const std::string said = ok(run_gradus(launched(ranks, train(recipe, run, settings))));
    CHECK(said.find("started by gradus launch") != std::string::npos);
    CHECK((result_of(run) == expected));
  }
}

TEST_CASE("a run goes on with another number of processes, with the same bits", "[cli][launch]") {
  if (!has_ranks()) return;
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  ok(run_gradus(train(recipe, folder / "one")));
  auto first = kSmallParts;
  first.insert(first.end(), {"--set", "run.steps=1"});
  const fs::path run = folder / "changing";
  ok(run_gradus(train(recipe, run, first)));
  const auto resumed = [&](int ranks, int steps) {
    ok(run_gradus(launched(
        ranks, {"train", "--resume", run.string(), "--set", "run.steps=" + std::to_string(steps),
                "--set", "cluster.zero=" + std::to_string(ranks - 2)})));
  };
  resumed(3, 2);
  resumed(2, 3);
  // A run of fewer steps evaluates its last one too: the weights alone are compared.
  CHECK((read_text(run / "final/model.safetensors") ==
         read_text(folder / "one/final/model.safetensors")));
}

TEST_CASE("an exact sum has the same bits on one process and on several", "[cli][launch]") {
  if (!has_ranks()) return;
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  auto exact = kSmallParts;
  exact.insert(exact.end(), {"--set", "cluster.reduction=exact"});
  ok(run_gradus(train(recipe, folder / "one", exact)));
  ok(run_gradus(launched(2, train(recipe, folder / "two", exact))));
  CHECK((result_of(folder / "two") == result_of(folder / "one")));
}

TEST_CASE("a rank that is killed costs time and no bit", "[cli][launch]") {
  if (!has_ranks()) return;
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  ok(run_gradus(train(recipe, folder / "one")));
  const fs::path run = folder / "killed";
  const fs::path killed = folder / "killed-once";
  std::jthread killer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      if (!fs::exists(run / "checkpoints/step-000001")) continue;
      // The second child of the launcher is rank 1.
      for (const auto& entry : fs::directory_iterator("/proc")) {
        const std::string environment = read_text(entry.path() / "environ");
        if (environment.find(std::string("GRADUS_LAUNCHED=1")) == std::string::npos) continue;
        if (environment.find(std::string("\0RANK=1\0", 8)) == std::string::npos) continue;
        const std::string line = read_text(entry.path() / "cmdline");
        if (line.find(run.string()) == std::string::npos) continue;
        ::kill(std::stoi(entry.path().filename().string()), SIGKILL);
        std::ofstream(killed) << "yes";
        return;
      }
    }
  });
  auto command = kSmallParts;
  const std::string said =
      ok(run_gradus(launched(2, train(recipe, run, command), {"--restarts", "2"})));
  killer.request_stop();
  if (fs::exists(killed)) CHECK(said.find("starts all ranks anew, 1 of 2") != std::string::npos);
  CHECK((result_of(run) == result_of(folder / "one")));
}

TEST_CASE("ranks that are started differently are refused", "[cli][launch]") {
  if (!has_ranks()) return;
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  const auto wrong = run_gradus(launched(2, train(recipe, folder / "a", {"--set", "rl.none=1"})));
  CHECK(wrong.exit_code == 2);
  CHECK_FALSE(fs::exists(folder / "a"));
  const auto no_command = run_gradus({"launch", "-n", "2", "--", "chat"});
  CHECK(no_command.exit_code == 2);
  CHECK(no_command.err.find("must be `train`") != std::string::npos);
}

TEST_CASE("doctor --cluster lists the ranks, and needs some", "[cli][launch]") {
  if (!has_ranks()) return;
  const auto alone = run_gradus({"doctor", "--cluster"});
  CHECK(alone.exit_code == 2);
  CHECK(alone.err.find("gradus launch -n 2 -- doctor --cluster") != std::string::npos);
  const auto two = run_gradus({"launch", "-n", "2", "--", "doctor", "--cluster"});
  INFO(two.err);
  CHECK(two.exit_code == 0);
  CHECK(two.out.find("64 MiB shared out") != std::string::npos);
}
