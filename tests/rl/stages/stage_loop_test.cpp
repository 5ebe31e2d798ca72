#include "rl/stages/stage_loop.h"

#include <stop_token>

#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

/// A stage that needs no learner: it counts, and asks to be stopped after some step.
class Counting : public Stage {
 public:
  explicit Counting(std::stop_source stop, int64_t stop_after = -1)
      : stop_(std::move(stop)), stop_after_(stop_after) {}

  std::optional<StepReport> step(const StepContext& context) override {
    steps.push_back(context.step);
    StepReport report;
    report.metrics["texts"] = static_cast<double>(context.cursor);
    report.cursor = context.cursor + 3;
    if (context.step == stop_after_) stop_.request_stop();
    return report;
  }

  std::vector<int64_t> steps;

 private:
  std::stop_source stop_;
  int64_t stop_after_;
};

RunSettings settings() {
  RunSettings settings;
  settings.steps = 5;
  settings.checkpoint_every = 2;
  return settings;
}

}  // namespace

TEST_CASE("a stage without a learner is run, stopped and gone on with", "[rl][stages]") {
  const tests::TemporaryFolder folder;
  const auto path = folder.path() / "run";
  ManualClock clock;
  RunObserver observer;
  {
    const std::stop_source stop;
    Run run(settings(), {}, RunDirectory::create(path, ""), {observer, stop.get_token(), clock});
    StageLoop loop(run, nullptr, 3);
    Counting stage(stop, 3);
    CHECK(loop.run(stage).phase == RunPhase::stopped);
    CHECK(stage.steps == std::vector<int64_t>{1, 2, 3});
  }
  const std::stop_source stop;
  Run run(settings(), {}, RunDirectory::open(path), {observer, stop.get_token(), clock});
  StageLoop loop(run, nullptr, 3);
  CHECK(loop.state().cursor == 9);
  Counting stage(stop);
  CHECK(loop.run(stage).phase == RunPhase::finished);
  CHECK(stage.steps == std::vector<int64_t>{4, 5});
  const auto metrics = read_metrics(run.directory().metrics());
  REQUIRE(metrics.size() == 5);
  for (size_t i = 0; i < metrics.size(); ++i)
    CHECK(metrics[i].values.at("texts") == 3.0 * static_cast<double>(i));
  CHECK_FALSE(std::filesystem::exists(run.directory().final_model()));
}

TEST_CASE("the registry of stages says what run.task may be", "[rl][stages]") {
  CHECK(stages().names() == std::vector<std::string>{"grpo", "sft", "pretrain"});
  RunConfig config;
  CHECK_THROWS_WITH(apply_set(config, "run.task=gpro"), Catch::Contains("one of grpo, sft"));
  CHECK_THAT(to_toml(config, true), Catch::Contains("# what is done: grpo (reinforcement"));
}
