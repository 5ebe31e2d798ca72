// What becomes of a run when something goes wrong around it, as a user sees it.

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "rl/run/metrics_log.h"
#include "tests/catch.h"
#include "tests/cli/program.h"
#include "tests/cli/tiny_recipe.h"

using namespace gradus::cli;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

constexpr const char* kDurableRecipe = R"(
[run]
steps = 3
threads = 1
checkpoint_every = 0
[model]
config = "config.json"
tokenizer = "{}"
[data]
task = "arithmetic"
chat = false
[rollout]
max_tokens = 8
[[rewards]]
type = "{}"
[rl]
group_size = 4
prompts_per_step = 2
[optim]
lr = 1e-3
)";

/// A folder with a recipe and, once it was trained, its run.
struct Durable {
  explicit Durable(const std::string& more = "", const std::string& rule = "length") {
    write_text(folder / "config.json", kTinyModel);
    write_text(
        folder / "recipe.toml",
        fmt::format(kDurableRecipe,
                    gradus::tests::fixture("parity/tokenizer_sp_bpe/tokenizer.model").string(),
                    rule) +
            more);
  }
  fs::path run() const { return folder.path() / "run"; }
  std::vector<std::string> words(const std::vector<std::string>& settings) const {
    std::vector<std::string> words{"train", folder / "recipe.toml", "--run-dir", run().string()};
    for (const auto& setting : settings) words.insert(words.end(), {"--set", setting});
    return words;
  }
  ProgramResult train(const std::vector<std::string>& settings = {}) const {
    return run_gradus(words(settings));
  }
  ProgramResult resume(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words{"train", "--resume", run().string()};
    words.insert(words.end(), more.begin(), more.end());
    return run_gradus(words);
  }
  std::vector<std::string> checkpoints() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(run() / "checkpoints"))
      names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }
  json status() const { return json::parse(read_text(run() / "status.json")); }

  TemporaryFolder folder;
};

/// A long run that is sent a signal after its third step. @return its exit code.
int train_and_signal(const Durable& durable, const std::vector<int>& signals,
                     const std::vector<std::string>& settings) {
  std::vector<std::string> words{GRADUS_PROGRAM};
  for (auto& word : durable.words(settings)) words.push_back(word);
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {1, 2})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  REQUIRE(posix_spawn(&pid, GRADUS_PROGRAM, &actions, nullptr, argv.data(), environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  const auto metrics = durable.run() / "metrics.jsonl";
  for (int i = 0; i < 6000; ++i) {
    const std::string text = fs::exists(metrics) ? read_text(metrics) : "";
    if (std::ranges::count(text, '\n') >= 3) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  for (const int number : signals) ::kill(pid, number);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TEST_CASE("a start that fails leaves nothing, and the mended recipe finds its place free",
          "[cli][durability]") {
  const Durable durable;
  const auto bad = durable.train({"rollout.kv_cache_mb=0.00001"});
  CHECK(bad.exit_code == 2);
  CHECK_FALSE(fs::exists(durable.run()));
  const auto good = durable.train();
  INFO(good.err);
  CHECK(good.exit_code == 0);
  const auto again = durable.train();
  CHECK(again.exit_code == 1);
  CHECK(again.err.find("holds a run already") != std::string::npos);
  CHECK(again.err.find("--resume") != std::string::npos);
}

TEST_CASE("a run that never finished a step is begun again", "[cli][durability]") {
  const Durable durable;
  REQUIRE(durable.train().exit_code == 0);
  for (const char* name : {"final", "checkpoints", "best"}) fs::remove_all(durable.run() / name);
  write_text(durable.run() / "metrics.jsonl", "{\"step\": 0, \"eval/accuracy\": 0.5}\n");
  const auto again = durable.train({"run.steps=2"});
  INFO(again.err);
  CHECK(again.exit_code == 0);
  CHECK(gradus::rl::read_metrics(durable.run() / "metrics.jsonl").size() == 2);
}

TEST_CASE("an empty stop string is refused by the dry run and before a folder is made",
          "[cli][durability]") {
  const Durable durable;
  auto words = durable.words({"rollout.stop=[\"\"]"});
  CHECK(run_gradus(words).exit_code == 2);
  words.emplace_back("--dry-run");
  CHECK(run_gradus(words).exit_code == 2);
  CHECK_FALSE(fs::exists(durable.run()));
}

TEST_CASE("a recipe that was edited by hand is noticed on resume", "[cli][durability]") {
  const Durable durable;
  REQUIRE(durable.train().exit_code == 0);
  std::string recipe = read_text(durable.run() / "recipe.toml");
  const size_t at = recipe.find("\nlr = ");
  REQUIRE(at != std::string::npos);
  recipe.replace(at, recipe.find('\n', at + 1) - at, "\nlr = 0.5");
  write_text(durable.run() / "recipe.toml", recipe);
  const auto refused = durable.resume({"--set", "run.steps=5"});
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("optim.lr: was 0.001, is 0.5") != std::string::npos);
  CHECK(refused.err.find("--allow-changes") != std::string::npos);
  CHECK(durable.resume({"--set", "run.steps=5", "--allow-changes"}).exit_code == 0);
  CHECK(durable.resume({"--set", "run.steps=6"}).exit_code == 0);  // it is known now
}

TEST_CASE("a run goes on without the logs that somebody deleted", "[cli][durability]") {
  const Durable durable;
  REQUIRE(durable.train().exit_code == 0);
  for (const char* name : {"events.out.tfevents.gradus", "metrics.jsonl", "ledger.jsonl"})
    fs::remove(durable.run() / name);
  const auto resumed = durable.resume({"--set", "run.steps=5"});
  INFO(resumed.err);
  CHECK(resumed.exit_code == 0);
  CHECK(resumed.out.find("metrics.jsonl: is gone") != std::string::npos);
  CHECK(gradus::rl::read_metrics(durable.run() / "metrics.jsonl").size() == 2);
}

TEST_CASE("signals of terminals and batch systems save the run", "[cli][durability]") {
  for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGXCPU}) {
    const Durable durable;
    INFO("signal " << number);
    // Those but TERM may come again and again.
    const std::vector<int> signals(number == SIGTERM ? 1 : 3, number);
    CHECK(train_and_signal(durable, signals, {"run.steps=100000"}) == 130);
    CHECK(durable.checkpoints().size() == 1);
    CHECK(durable.status()["state"] == "stopped");
  }
}

TEST_CASE("USR2 writes a checkpoint and the run goes on", "[cli][durability]") {
  const Durable durable;
  CHECK(train_and_signal(durable, {SIGUSR2}, {"run.steps=300", "run.keep=9"}) == 0);
  CHECK(durable.checkpoints().size() == 2);  // that, and the last one
}

TEST_CASE("a stop in the middle of an update of many passes is the state before it",
          "[cli][durability]") {
  const std::vector<std::string> settings{"run.steps=10", "rl.epochs=8", "rl.minibatches=2",
                                          "rl.prompts_per_step=8"};
  const Durable stopped;
  REQUIRE(train_and_signal(stopped, {SIGTERM}, settings) == 130);
  CHECK(stopped.resume().exit_code == 0);
  const Durable whole;
  REQUIRE(whole.train(settings).exit_code == 0);
  CHECK((read_text(stopped.run() / "final" / "model.safetensors") ==
         read_text(whole.run() / "final" / "model.safetensors")));
}

TEST_CASE("a run with closed standard descriptors is not stopped by its own progress",
          "[cli][durability]") {
  const Durable durable;
  std::string command = GRADUS_PROGRAM;
  for (const auto& word : durable.words({})) command += " '" + word + "'";
  CHECK(std::system((command + " 0<&- 1>&- 2>&-").c_str()) == 0);  // NOLINT(cert-env33-c)
  CHECK(durable.status()["state"] == "finished");
}

TEST_CASE("warnings stand in the run, in runs show and in the report", "[cli][durability]") {
  const Durable durable("", "accuracy");  // random weights are never right
  const std::vector<std::string> settings{"rollout.max_tokens=2", "run.steps=12"};
  REQUIRE(durable.train(settings).exit_code == 0);
  const std::string kept = read_text(durable.run() / "warnings.jsonl");
  CHECK(kept.find("no signal") != std::string::npos);
  CHECK(run_gradus({"runs", "show", durable.run()}).out.find("no signal") != std::string::npos);
  CHECK(read_text(durable.run() / "report.html").find("<h2>Warnings</h2>") != std::string::npos);
  // A run in two parts says the same.
  const Durable halves("", "accuracy");
  REQUIRE(halves.train({settings[0], "run.steps=7"}).exit_code == 0);
  REQUIRE(halves.resume({"--set", "run.steps=12"}).exit_code == 0);
  CHECK(std::ranges::count(read_text(halves.run() / "warnings.jsonl"), '\n') ==
        std::ranges::count(kept, '\n'));
}

TEST_CASE("accuracy of a step is not called accuracy before", "[cli][durability]") {
  const Durable durable("[eval.data]\ntask = \"arithmetic\"\ncount = 4\n");
  const auto result =
      durable.train({"run.eval_every=1", "run.eval_at_start=false", "eval.right_from=0.5"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(result.out.find("accuracy before") == std::string::npos);
  CHECK(result.out.find("accuracy at step 1") != std::string::npos);
}

TEST_CASE("the problems of an evaluation do not follow run.seed", "[cli][durability]") {
  std::vector<std::string> asked;
  for (const char* seed : {"run.seed=1", "run.seed=2", "eval.seed=3"}) {
    const Durable durable("[eval.data]\ntask = \"arithmetic\"\ncount = 16\n");
    REQUIRE(durable.train({seed, "run.steps=1", "run.eval_every=1"}).exit_code == 0);
    std::string prompts;
    const std::string lines = read_text(durable.run() / "samples" / "eval-step-000000.jsonl");
    for (size_t begin = 0, end; (end = lines.find('\n', begin)) != std::string::npos;
         begin = end + 1)
      prompts += json::parse(lines.substr(begin, end - begin))["prompt"].get<std::string>() + "|";
    asked.push_back(prompts);
  }
  CHECK(asked[0] == asked[1]);
  CHECK(asked[0] != asked[2]);
}

TEST_CASE("dynamic sampling that finds no signal uses nothing and says so", "[cli][durability]") {
  const Durable durable("", "accuracy");
  REQUIRE(durable
              .train({"rollout.max_tokens=2", "rl.dynamic_sampling.enable=true",
                      "rl.dynamic_sampling.max_batches=3", "run.steps=1", "run.samples_every=1"})
              .exit_code == 0);
  const auto metrics = gradus::rl::read_metrics(durable.run() / "metrics.jsonl").front().values;
  CHECK(metrics.at("dynamic_sampling/dropped_groups") == 6.0);
  CHECK(metrics.at("skipped_steps/empty") == 1.0);
  CHECK(read_text(durable.run() / "samples" / "step-000001.jsonl").find("\"is_used\":true") ==
        std::string::npos);
}

TEST_CASE("gradus eval with a run's recipe computes as the run did", "[cli][durability]") {
  const Durable durable(
      "[eval]\ntemperature = 0.7\n[eval.data]\ntask = \"arithmetic\"\ncount = 8\n");
  REQUIRE(
      durable
          .train({"run.steps=1", "run.eval_every=1", "rollout.max_tokens=64", "eval.data.count=64"})
          .exit_code == 0);
  const std::string inside = read_text(durable.run() / "samples" / "eval-step-000001.jsonl");
  const auto evaluate = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words{"eval",
                                   "--model",
                                   durable.run() / "final",
                                   "--recipe",
                                   durable.run() / "recipe.toml",
                                   "--threads",
                                   "1",
                                   "--out",
                                   durable.folder / "out.jsonl"};
    words.insert(words.end(), more.begin(), more.end());
    const auto result = run_gradus(words);
    INFO(result.err);
    CHECK(result.exit_code == 0);
    return read_text(durable.folder / "out.jsonl");
  };
  CHECK((evaluate({}) == inside));
  const std::string narrow = evaluate({"--set", "model.precision=\"bfloat16\""});
  CHECK((narrow != inside));
  CHECK((evaluate({"--precision", "bfloat16"}) == narrow));
  const std::string recipe = read_text(durable.run() / "recipe.toml");
  const std::string wide = "precision = \"float32\"";
  const auto at = recipe.find(wide);
  REQUIRE(at != std::string::npos);
  write_text(durable.run() / "recipe.toml",
             recipe.substr(0, at) + "precision = \"bfloat16\"" + recipe.substr(at + wide.size()));
  CHECK((evaluate({}) == narrow));
  CHECK((evaluate({"--precision", "float32"}) == inside));
}
