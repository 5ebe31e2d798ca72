// What a person does with runs: look at them, stop them, make room.

#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_recipe.h"

using namespace gradus::cli;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// A finished run of three steps with a checkpoint of each.
fs::path finished_run(const TemporaryFolder& folder) {
  const auto trained = run_gradus(
      {"train", write_recipe(folder), "--run-dir", folder / "run", "--set", "run.keep=3"});
  INFO(trained.err);
  REQUIRE(trained.exit_code == 0);
  return folder.path() / "run";
}

/// A run that would go on for an hour, in a process of its own.
pid_t start_long_run(const std::string& recipe, const std::string& run) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::freopen("/dev/null", "w", stdout);
    ::freopen("/dev/null", "w", stderr);
    ::execl(GRADUS_PROGRAM, "gradus", "train", recipe.c_str(), "--run-dir", run.c_str(), "--set",
            "run.steps=100000", nullptr);
    ::_exit(127);
  }
  return child;
}

void wait_for_first_step(const fs::path& run) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(3);
  while (read_text(run / "metrics.jsonl").empty()) {
    REQUIRE(std::chrono::steady_clock::now() < end);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace

TEST_CASE("a finished run's steps, size and checkpoints are shown and removed", "[cli][runs]") {
  const TemporaryFolder folder;
  const fs::path run = finished_run(folder);

  CHECK(run_gradus({"model", "info", run}).exit_code == 0);  // its final policy

  const auto tail = run_gradus({"runs", "tail", run, "-n", "2"});
  CHECK(says(tail.out, "step 2: "));
  CHECK(says(tail.out, "step 3: "));
  CHECK_FALSE(says(tail.out, "step 1: "));
  const auto figures = run_gradus({"runs", "tail", run, "-n", "1", "--json"});
  CHECK(json::parse(figures.out)["step"] == 3);

  const auto watched = run_gradus({"runs", "watch", run});
  CHECK(watched.exit_code == 0);
  CHECK(says(watched.out, "finished at step 3 of 3"));

  const auto used = json::parse(run_gradus({"runs", "du", folder.path(), "--json"}).out);
  CHECK(used["bytes"].get<int64_t>() > used["entries"]["final"].get<int64_t>());
  CHECK(used["entries"]["checkpoints"].get<int64_t>() > 0);

  fs::create_directory(run / "checkpoints/damaged-step-000001");
  const auto asked = run_gradus({"runs", "prune", run, "--dry-run"});
  CHECK(says(asked.out, "would remove"));
  CHECK(fs::exists(run / "checkpoints/damaged-step-000001"));
  const auto pruned = run_gradus({"runs", "prune", run});
  INFO(pruned.err);
  REQUIRE(pruned.exit_code == 0);
  CHECK_FALSE(fs::exists(run / "checkpoints/damaged-step-000001"));
  CHECK(fs::exists(run / "checkpoints/step-000003/manifest.json"));
  CHECK(says(run_gradus({"runs", "prune", run}).out, "nothing to remove"));
  CHECK(run_gradus({"runs", "prune", run, "--keep", "0"}).exit_code == 0);
  CHECK(fs::is_empty(run / "checkpoints"));
}

TEST_CASE("pruning keeps the newest checkpoint that is whole", "[cli][runs]") {
  const TemporaryFolder folder;
  const fs::path run = finished_run(folder);
  write_text(run / "checkpoints/step-000003/state.json", "{}");
  CHECK(run_gradus({"runs", "prune", run}).exit_code == 0);
  CHECK(fs::exists(run / "checkpoints/step-000002/manifest.json"));
  CHECK_FALSE(fs::exists(run / "checkpoints/step-000003"));
}

TEST_CASE("removing a run asks first, and leaves nothing", "[cli][runs]") {
  const TemporaryFolder folder;
  const fs::path run = finished_run(folder);
  const auto asked = run_gradus({"runs", "rm", run});
  CHECK(asked.exit_code == 2);
  CHECK(says(asked.err, "--yes"));
  fs::create_directory_symlink(run, folder.path() / "link");
  CHECK(run_gradus({"runs", "rm", folder.path() / "link", "--yes"}).exit_code == 2);
  fs::remove(folder.path() / "link");
  CHECK(run_gradus({"runs", "rm", folder.path(), "--yes"}).exit_code == 1);  // holds runs, is none
  const auto removed = run_gradus({"runs", "rm", run, "--yes"});
  INFO(removed.err);
  CHECK(removed.exit_code == 0);
  CHECK_FALSE(fs::exists(run));
  for (const auto& entry : fs::directory_iterator(folder.path()))
    CHECK_FALSE(entry.path().filename().string().starts_with(".removed"));
}

TEST_CASE("a run that goes on is stopped by its name, and neither pruned nor removed",
          "[cli][runs]") {
  const TemporaryFolder folder;
  const fs::path run = folder.path() / "run";
  const pid_t child = start_long_run(write_recipe(folder), run);
  wait_for_first_step(run);
  for (const char* command : {"rm", "prune"}) {
    std::vector<std::string> arguments{"runs", command, run};
    if (command == std::string("rm")) arguments.emplace_back("--yes");
    const auto refused = run_gradus(arguments);
    CHECK(refused.exit_code == 1);
    CHECK(says(refused.err, "another process (pid " + std::to_string(child) + ")"));
  }
  const auto stopped = run_gradus({"runs", "stop", run});
  INFO(stopped.err);
  CHECK(stopped.exit_code == 0);
  CHECK(says(stopped.out, "stopped at step"));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WEXITSTATUS(status) == 130);
  CHECK(says(run_gradus({"runs", "stop", run}).out, "nothing works on it (stopped)"));
}

TEST_CASE("a process that only has the number of a run's is not told to stop", "[cli][runs]") {
  const TemporaryFolder folder;
  const fs::path run = finished_run(folder);
  const pid_t innocent = ::fork();
  if (innocent == 0) {
    ::pause();
    ::_exit(0);
  }
  write_text(run / ".lock", std::to_string(innocent));
  const int lock = ::open((run / ".lock").c_str(), O_RDONLY);
  REQUIRE(::flock(lock, LOCK_EX | LOCK_NB) == 0);
  const auto refused = run_gradus({"runs", "stop", run});
  CHECK(refused.exit_code == 1);
  CHECK(says(refused.err, "cannot be seen from here"));
  CHECK(::waitpid(innocent, nullptr, WNOHANG) == 0);
  ::close(lock);
  ::kill(innocent, SIGKILL);
  ::waitpid(innocent, nullptr, 0);
}

TEST_CASE("runs are called by their names, and compared on the problems that both had",
          "[cli][runs]") {
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  for (const auto& [name, rate] : {std::pair{"one", "1e-3"}, std::pair{"two", "2e-3"}}) {
    const auto trained = run_gradus({"train", recipe, "--set", std::string("run.name=") + name,
                                     "--set", std::string("optim.lr=") + rate},
                                    "", folder.path());
    INFO(trained.err);
    REQUIRE(trained.exit_code == 0);
  }
  const auto in_folder = [&](const std::vector<std::string>& words) {
    const auto result = run_gradus(words, "", folder.path());
    INFO(result.err);
    CHECK(result.exit_code == 0);
    return result.out;
  };
  const std::string list = in_folder({"runs", "list"});
  CHECK(says(list, "\none "));
  CHECK_FALSE(says(list, "runs/one"));
  CHECK(says(in_folder({"runs", "list", "two"}), "\ntwo "));
  CHECK(says(in_folder({"runs", "du", "one"}), "one "));
  const auto compared = json::parse(in_folder({"runs", "compare", "one", "two", "--json"}));
  REQUIRE(compared["paired"].size() == 1);
  CHECK(compared["paired"][0]["problems"] == 4);
  CHECK(compared["paired"][0]["low"] < compared["paired"][0]["high"]);
  CHECK(says(in_folder({"runs", "compare", "one", "two"}), "two @3 less one @3"));
  const auto missing = run_gradus({"runs", "du", "three"}, "", folder.path());
  CHECK(missing.exit_code == 1);
  CHECK(says(missing.err, "gradus runs list"));
}

TEST_CASE("a run that its time ended says so, and --resume goes on", "[cli][runs]") {
  const TemporaryFolder folder;
  const std::string run = folder / "run";
  const auto stopped =
      run_gradus({"train", write_recipe(folder), "--run-dir", run, "--set", "run.max_hours=1e-9"});
  INFO(stopped.out + stopped.err);
  CHECK(stopped.exit_code == 3);
  CHECK(says(stopped.out, "stopped after step 1"));
  CHECK(says(stopped.out, "run.max_hours"));
  CHECK(says(run_gradus({"runs", "show", run}).out, "run.max_hours"));
  const auto rest = run_gradus({"train", "--resume", run, "--set", "run.max_hours=0"});
  INFO(rest.err);
  CHECK(rest.exit_code == 0);
  CHECK(says(rest.out, "finished after step 3"));
  // The opening names what is about to be trained.
  for (const char* part : {"model ", "steps", "rows ", "folder ", "memory ", "prompt "})
    CHECK(says(stopped.out, part));
}

TEST_CASE("settings that work and are hardly meant are warned of", "[cli][runs]") {
  const TemporaryFolder folder;
  const auto trained =
      run_gradus({"train", write_recipe(folder), "--run-dir", folder / "run", "--set",
                  "run.threads=100", "--set", "rollout.max_tokens=1000", "--set", "run.steps=1"});
  INFO(trained.err);
  CHECK(trained.exit_code == 0);
  CHECK(says(trained.out, "run.threads is 100"));
  CHECK(says(trained.out, "rollout.max_tokens is 1000, and the model's context holds 256"));
}

TEST_CASE("a recipe's sets of held-out problems are evaluated under their names", "[cli][eval]") {
  const TemporaryFolder folder;
  const std::string recipe = write_recipe(folder);
  write_text(recipe, read_text(recipe) +
                         "[[eval.sets]]\nname = \"far\"\n[eval.sets.data]\ntask = \"arithmetic\"\n"
                         "count = 3\noffset = 2000\n");
  const std::string run = folder / "run";
  const auto trained = run_gradus({"train", recipe, "--run-dir", run});
  INFO(trained.out + trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK(says(trained.out, "; far 0."));
  const auto evaluated = run_gradus(
      {"eval", "--model", run, "--recipe", run + "/recipe.toml", "--max-tokens", "4", "--json"});
  INFO(evaluated.err);
  REQUIRE(evaluated.exit_code == 0);
  const auto figures = json::parse(evaluated.out);
  CHECK(figures["problems"] == 4);
  CHECK(figures["sets"]["far"]["problems"] == 3);
  CHECK(says(read_text(run + "/report.html"), "data-name=\"far\""));
  const auto text = run_gradus({"eval", "--model", run, "--recipe", run + "/recipe.toml",
                                "--max-tokens", "4", "--samples", "2"});
  CHECK(says(text.out, "\nfar\naccuracy"));
  // Other data on the command line stands alone.
  const auto other = run_gradus({"eval", "--model", run, "--recipe", run + "/recipe.toml", "--task",
                                 "arithmetic", "--limit", "2", "--max-tokens", "4", "--json"});
  CHECK_FALSE(json::parse(other.out).contains("sets"));
}
