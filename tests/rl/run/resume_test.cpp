#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "base/json.h"
#include "policy/formats/safetensors/safetensors.h"
#include "rl/run/metrics_log.h"
#include "rl/run/run_directory.h"
#include "tests/catch.h"
#include "tests/rl/tiny_run.h"
#include "tests/support/temporary_folder.h"

using namespace gradus::rl;
using gradus::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

struct Ended {
  int exit_code = -1;  ///< -1: killed
  std::string output;
  std::string errors;
};

/// Runs tests/rl/train_child.cpp to its end.
Ended run_child(const std::vector<std::string>& arguments, const fs::path& folder) {
  const std::string output = (folder / "stdout").string();
  const std::string errors = (folder / "stderr").string();
  std::vector<std::string> words{GRADUS_TRAIN_CHILD};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = -1;
  const int error = posix_spawn(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  REQUIRE(error == 0);
  int status = 0;
  waitpid(pid, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, file_text(output), file_text(errors)};
}

/// A run with a folder of its own; `train` goes on with it where it was begun.
struct Case {
  explicit Case(TinyTask task = TinyTask::grpo, TinyModel model = TinyModel::dense)
      : tiny{folder.path() / "case", task, model} {}
  void write() const { tiny.write(); }

  Ended train(std::vector<std::string> options = {}) const {
    const bool has_begun = fs::exists(tiny.run() / "recipe.toml");
    options.insert(options.begin(), {has_begun ? "resume" : "train",
                                     has_begun ? tiny.run().string() : tiny.recipe().string()});
    return run_child(options, folder.path());
  }
  std::string finish(std::vector<std::string> options = {}) const {
    const Ended ended = train(std::move(options));
    INFO(ended.errors);
    REQUIRE(ended.exit_code == 0);
    return deterministic_result(tiny.run());
  }

  TemporaryFolder folder;
  TinyRun tiny;
};

/// The undisturbed run, made once: its result and the number of its file operations.
struct Undisturbed {
  std::string result;
  long num_calls = 0;
};

const Undisturbed& undisturbed() {
  static const Undisturbed run = [] {
    const Case plain;
    plain.write();
    const Ended ended = plain.train();
    INFO(ended.errors);
    REQUIRE(ended.exit_code == 0);
    // Bits of a run that learns nothing would prove nothing.
    for (const auto& record : read_metrics(plain.tiny.run() / "metrics.jsonl"))
      if (record.step > 0) REQUIRE(record.values.at("grad_norm") > 0.0);
    return Undisturbed{deterministic_result(plain.tiny.run()), std::stol(ended.output)};
  }();
  return run;
}

void check_kill_at(long call) {
  const Case killed;
  killed.write();
  INFO("killed at file operation " << call << " of " << undisturbed().num_calls);
  CHECK(killed.train({"--kill-at-call", std::to_string(call)}).exit_code == -1);
  CHECK((killed.finish() == undisturbed().result));
}

void check_kill_after(std::mt19937& random, int num_kills) {
  const Case killed;
  killed.write();
  for (int i = 0; i < num_kills; ++i)
    killed.train({"--kill-after-ms", std::to_string(random() % 1500)});
  CHECK((killed.finish() == undisturbed().result));
}

/// The largest of the first mixture's choice biases in final/.
float router_bias(const fs::path& run) {
  const auto file = gradus::policy::SafetensorsFile::open(run / "final" / "model.safetensors");
  std::vector<float> bias(8);
  file.read_f32("model.layers.1.mlp.gate.e_score_correction_bias", bias);
  return *std::ranges::max_element(bias);
}

}  // namespace

TEST_CASE("a run killed at a file operation ends with the same bits", "[rl][resume]") {
  const long calls = undisturbed().num_calls;
  // The first write, spread points, and the last one, which lies in final/ or status.json.
  for (const long call : {1L, calls / 4, calls / 2, calls * 3 / 4, calls - 2}) check_kill_at(call);
}

TEST_CASE("a run killed at any file operation ends with the same bits", "[.long][rl][resume]") {
  for (long call = 1; call <= undisturbed().num_calls; ++call) check_kill_at(call);
}

TEST_CASE("a run killed at random moments, again and again, ends with the same bits",
          "[rl][resume]") {
  std::mt19937 random(1);
  for (int i = 0; i < 2; ++i) check_kill_after(random, 3);
}

TEST_CASE("fifty runs killed at random moments end with the same bits", "[.long][rl][resume]") {
  std::mt19937 random(2);
  for (int i = 0; i < 50; ++i) check_kill_after(random, 1 + i % 4);
}

TEST_CASE("a run that is asked to stop saves its work and goes on with the same bits",
          "[rl][resume]") {
  for (const int event : {3, 17, 30}) {
    const Case stopped;
    stopped.write();
    INFO("stopped at event " << event);
    const Ended ended = stopped.train({"--stop-at-event", std::to_string(event)});
    INFO(ended.errors);
    CHECK(ended.exit_code == 3);
    const auto status = gradus::parse_json(file_text(stopped.tiny.run() / "status.json"), "status");
    CHECK(status["state"] == "stopped");
    CHECK((stopped.finish() == undisturbed().result));
  }
}

TEST_CASE("fine-tuning and pre-training that were killed end with the same bits",
          "[rl][resume][text]") {
  for (const TinyTask task : {TinyTask::pretrain, TinyTask::sft}) {
    const Case plain(task);
    plain.write();
    const Ended ended = plain.train();
    INFO(ended.errors);
    REQUIRE(ended.exit_code == 0);
    const auto metrics = read_metrics(plain.tiny.run() / "metrics.jsonl");
    CHECK(metrics.back().values.at("eval/loss") < metrics.front().values.at("eval/loss"));
    const long calls = std::stol(ended.output);
    for (const long call : {calls / 3, calls * 2 / 3}) {
      const Case killed(task);
      killed.write();
      CHECK(killed.train({"--kill-at-call", std::to_string(call)}).exit_code == -1);
      CHECK((killed.finish() == deterministic_result(plain.tiny.run())));
    }
  }
}

TEST_CASE("a renewed reference policy and 8-bit moments survive a kill", "[rl][resume]") {
  const std::vector<std::string> settings = GENERATE(
      std::vector<std::string>{"--set", "rl.kl_coef=0.1", "--set", "rl.reference_update_every=2"},
      std::vector<std::string>{"--set", "optim.kind=adamw_8bit"});
  const Case plain;
  plain.write();
  const Ended ended = plain.train(settings);
  INFO(ended.errors);
  REQUIRE(ended.exit_code == 0);
  const long calls = std::stol(ended.output);
  for (const long call : {calls / 2, calls * 3 / 5, calls * 4 / 5}) {
    const Case killed;
    killed.write();
    auto options = settings;
    options.insert(options.end(), {"--kill-at-call", std::to_string(call)});
    CHECK(killed.train(options).exit_code == -1);
    CHECK((killed.finish() == deterministic_result(plain.tiny.run())));
  }
}

TEST_CASE("a model of DeepSeek-V3's shape that was killed ends with the same bits",
          "[rl][resume][latent]") {
  for (const TinyTask task : {TinyTask::grpo, TinyTask::pretrain}) {
    const Case plain(task, TinyModel::latent);
    plain.write();
    const Ended ended = plain.train();
    INFO(ended.errors);
    REQUIRE(ended.exit_code == 0);
    const auto metrics = read_metrics(plain.tiny.run() / "metrics.jsonl");
    CHECK(metrics.back().values.at("mtp/loss_1") > 0.0);
    CHECK(metrics.back().values.at("moe/load_max_over_mean/max") >= 1.0);
    CHECK(metrics.back().values.at("moe/balance_loss") > 0.0);
    CHECK(metrics.back().lists.at("moe/load/1").size() == 8);
    CHECK(router_bias(plain.tiny.run()) > 0.0F);
    if (task == TinyTask::grpo) {
      CHECK(metrics.back().values.contains("rollout/draft_acceptance"));
      CHECK(metrics.back().values.contains("moe/replay_difference"));
    }
    const long calls = std::stol(ended.output);
    for (const long call : {calls / 3, calls * 2 / 3}) {
      const Case killed(task, TinyModel::latent);
      killed.write();
      CHECK(killed.train({"--kill-at-call", std::to_string(call)}).exit_code == -1);
      CHECK((killed.finish() == deterministic_result(plain.tiny.run())));
    }
    if (task != TinyTask::grpo) continue;
    const Case undrafted(task, TinyModel::latent);
    undrafted.write();
    const auto options = std::vector<std::string>{"--set", "rollout.speculative=false", "--set",
                                                  "rollout.workers=3"};
    CHECK((undrafted.finish(options) == deterministic_result(plain.tiny.run())));
  }
}

TEST_CASE("the number of rollout workers changes nothing", "[rl][trainer]") {
  for (const char* workers : {"2", "4"}) {
    const Case many;
    many.write();
    INFO(workers << " workers");
    CHECK((many.finish({"--set", std::string("rollout.workers=") + workers}) ==
           undisturbed().result));
  }
}

TEST_CASE("a run of epochs that was killed ends with the same bits, at the rows' end",
          "[rl][resume]") {
  for (const TinyTask task : {TinyTask::grpo, TinyTask::sft, TinyTask::pretrain}) {
    std::vector<std::string> settings{"--set", "run.steps=0", "--set", "run.epochs=2"};
    if (task == TinyTask::grpo) settings.insert(settings.end(), {"--set", "data.count=5"});
    const Case plain(task);
    plain.write();
    const Ended ended = plain.train(settings);
    INFO(ended.errors);
    REQUIRE(ended.exit_code == 0);
    const auto last = read_metrics(plain.tiny.run() / "metrics.jsonl").back();
    if (task == TinyTask::grpo) {
      CHECK(last.step == 4);  // ten prompts, three a step
    } else {
      CHECK(last.values.at("epoch") >= 2.0);
    }
    CHECK(last.values.contains(task == TinyTask::grpo ? "eval/accuracy" : "eval/loss"));
    const Case killed(task);
    killed.write();
    auto options = settings;
    options.insert(options.end(),
                   {"--kill-at-call", std::to_string(std::stol(ended.output) * 2 / 3)});
    CHECK(killed.train(options).exit_code == -1);
    CHECK((killed.finish() == deterministic_result(plain.tiny.run())));
  }
}

TEST_CASE("several sets of held-out problems have figures of their own", "[rl][resume]") {
  const Case plain;
  plain.write();
  std::ofstream(plain.tiny.recipe(), std::ios::app)
      << "[[eval.sets]]\nname = \"large\"\n[eval.sets.data]\ntask = \"arithmetic\"\n"
         "count = 3\noffset = 50\n";
  const std::string result = plain.finish();
  const auto last = read_metrics(plain.tiny.run() / "metrics.jsonl").back();
  CHECK(last.values.at("eval/problems") == 4.0);
  CHECK(last.values.at("eval/large/problems") == 3.0);
  CHECK(last.values.contains("eval/large/accuracy/low"));
  CHECK(file_text(plain.tiny.run() / "samples" / "eval-step-000006.jsonl")
            .find(R"({"set":"large","id":)") != std::string::npos);
  // The further set changes nothing of what was there.
  const auto weights = [](const std::string& whole) { return whole.substr(whole.size() - 4000); };
  CHECK((weights(result) == weights(undisturbed().result)));
}

TEST_CASE("a damaged checkpoint is passed over for the one before it", "[rl][resume]") {
  const Case damaged;
  damaged.write();
  // Stopped in the fifth step: checkpoints of steps 2 and 4 exist, and one of the stop.
  damaged.train({"--set", "run.steps=4"});
  const fs::path newest = damaged.tiny.run() / "checkpoints" / step_name(4);
  REQUIRE(fs::exists(newest));
  SECTION("torn") {
    fs::resize_file(newest / "weights.safetensors", 1000);
  }
  SECTION("one bit flipped") {
    std::fstream file(newest / "optimizer.safetensors", std::ios::in | std::ios::out);
    file.seekg(-5, std::ios::end);
    const int byte = file.get();
    file.seekp(-5, std::ios::end);
    file.put(static_cast<char>(byte ^ 4));
  }
  SECTION("manifest missing") {
    fs::remove(newest / "manifest.json");
  }
  const Ended ended = damaged.train({"--set", "run.steps=6"});
  INFO(ended.errors);
  REQUIRE(ended.exit_code == 0);
  CHECK(ended.errors.find("checkpoint passed over") != std::string::npos);
  CHECK(fs::exists(damaged.tiny.run() / "checkpoints" / ("damaged-" + step_name(4))));
}

TEST_CASE("a full disk ends a run with a reason, and it goes on when there is space",
          "[rl][resume]") {
  const long calls = undisturbed().num_calls;
  for (const long call : {calls / 3, calls * 2 / 3}) {
    const Case full;
    full.write();
    INFO("full from file operation " << call);
    const Ended ended =
        full.train({"--full-at-call", std::to_string(call), "--set", "run.disk_full_wait_s=0"});
    CHECK(ended.exit_code == 1);
    CHECK(ended.errors.find("No space left") != std::string::npos);
    CHECK((full.finish() == undisturbed().result));
  }
}

TEST_CASE("a checkpoint folder that is gone costs the checkpoint, not the run", "[rl][resume]") {
  const Case gone;
  gone.write();
  REQUIRE(gone.train({"--set", "run.steps=2"}).exit_code == 0);
  const fs::path folder = gone.tiny.run() / "checkpoints";
  fs::remove_all(folder);
  std::ofstream(folder) << "not a folder";
  const Ended ended = gone.train();
  CHECK(ended.exit_code == 1);
  CHECK(ended.errors.find("checkpoints") != std::string::npos);
  fs::remove(folder);
  // It had a checkpoint, and does not begin anew by itself.
  const Ended refused = gone.train();
  CHECK(refused.exit_code == 1);
  CHECK(refused.errors.find("--begin-anew") != std::string::npos);
}

TEST_CASE("a model that cannot be loaded leaves no run, and the reason", "[rl][resume]") {
  const Case broken;
  broken.write();
  std::ofstream(broken.tiny.folder / "config.json") << "{\"model_type\": \"unheard-of\"}";
  const Ended ended = broken.train();
  CHECK(ended.exit_code == 1);
  CHECK(ended.errors.find("unheard-of") != std::string::npos);
  CHECK_FALSE(fs::exists(broken.tiny.run()));
}

TEST_CASE("a resume that would change the result is refused by name", "[rl][resume]") {
  const Case changed;
  changed.write();
  REQUIRE(changed.train({"--stop-at-event", "17"}).exit_code == 3);
  const Ended refused = changed.train({"--set", "rl.group_size=5"});
  CHECK(refused.exit_code == 1);
  CHECK(refused.errors.find("rl.group_size: was 4, is 5") != std::string::npos);
  std::ofstream(changed.tiny.folder / "config.json", std::ios::app) << "\n";
  CHECK(changed.train().errors.find("config.json changed") != std::string::npos);
}

TEST_CASE("more steps may be asked of a finished run", "[rl][resume]") {
  const Case longer;
  longer.write();
  REQUIRE(longer.train({"--set", "run.steps=2"}).exit_code == 0);
  // The last step of a run is evaluated: not so in the undisturbed run, weights apart.
  longer.finish({"--set", "run.steps=6"});
  const auto end = [](const std::string& result) { return result.substr(result.size() - 4000); };
  CHECK((end(deterministic_result(longer.tiny.run())) == end(undisturbed().result)));
}
