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

/// A stage whose steps take an hour, and whose evaluations find the next of some figures.
class Measured : public Stage {
 public:
  Measured(ManualClock& clock, std::vector<double> accuracies)
      : clock_(clock), accuracies_(std::move(accuracies)) {}

  std::optional<StepReport> step(const StepContext& context) override {
    clock_.advance(3600.0);
    StepReport report;
    report.metrics["reward"] = static_cast<double>(context.step);
    report.cursor = context.cursor + 4;
    return report;
  }
  bool can_evaluate() const override { return true; }
  std::optional<EvalReport> evaluate(const StepContext& context) override {
    EvalReport report;
    report.score = accuracies_.at(static_cast<size_t>(context.step));
    report.metrics["eval/accuracy"] = report.score;
    report.metrics["eval/mean_length"] = 100.0 - report.score;
    return report;
  }

 private:
  ManualClock& clock_;
  std::vector<double> accuracies_;
};

/// What became of a run of Measured in the folder, which goes on with one that is there.
struct MeasuredRun {
  RunOutcome outcome;
  TrainState state;
  std::vector<MetricsRecord> metrics;
};
MeasuredRun run_measured(const std::filesystem::path& path, const RunSettings& settings,
                         std::vector<double> accuracies, int64_t end_cursor = -1) {
  ManualClock clock;
  RunObserver observer;
  const std::stop_source stop;
  const bool is_new = !std::filesystem::exists(path);
  Run run(settings, {}, is_new ? RunDirectory::create(path, "") : RunDirectory::open(path),
          {observer, stop.get_token(), clock});
  if (end_cursor >= 0) run.set_length({settings.steps, end_cursor});
  StageLoop loop(run, nullptr, 3);
  Measured stage(clock, std::move(accuracies));
  MeasuredRun ended{loop.run(stage), {}, {}};
  ended.state = loop.state();
  ended.metrics = read_metrics(run.directory().metrics());
  return ended;
}

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

TEST_CASE("a run without time for another step saves and goes on later", "[rl][stages]") {
  const tests::TemporaryFolder folder;
  RunSettings limited = settings();
  limited.max_hours = 2.5;
  const auto first = run_measured(folder / "run", limited, std::vector<double>(6));
  CHECK(first.outcome.phase == RunPhase::stopped);
  CHECK(first.outcome.step == 2);
  CHECK_THAT(first.outcome.reason, Catch::Contains("run.max_hours = 2.5"));
  CHECK(run_measured(folder / "run", limited, std::vector<double>(6)).outcome.step == 4);
  limited.max_hours = 0.001;  // one step at least
  const auto last = run_measured(folder / "run", limited, std::vector<double>(6));
  CHECK(last.outcome.phase == RunPhase::finished);
  CHECK(last.metrics.size() == 5);
}

TEST_CASE("a run ends, finished and evaluated, when a figure has come so far", "[rl][stages]") {
  const tests::TemporaryFolder folder;
  RunSettings until = settings();
  until.eval_every = 2;
  until.stop_when = "eval/accuracy >= 0.9";
  const std::vector<double> accuracies{0.1, 0.2, 0.95, 0.4, 0.5, 0.6};
  const auto ended = run_measured(folder / "run", until, accuracies);
  CHECK(ended.outcome.phase == RunPhase::finished);
  CHECK(ended.outcome.step == 2);
  CHECK_THAT(ended.outcome.reason, Catch::Contains("run.stop_when"));
  // Once more it is at its end already, and under another setting it is not.
  CHECK(run_measured(folder / "run", until, accuracies).outcome.step == 2);
  until.stop_when = "reward >= 3";
  const auto by_reward = run_measured(folder / "run", until, accuracies);
  CHECK(by_reward.outcome.step == 3);
  CHECK(by_reward.metrics.back().values.at("eval/accuracy") == 0.4);  // the last step is evaluated
}

TEST_CASE("a run ends on a plateau, also when it was stopped on it", "[rl][stages]") {
  const tests::TemporaryFolder folder;
  RunSettings flat = settings();
  flat.eval_every = 1;
  flat.plateau.metric = "eval/accuracy";
  flat.plateau.patience = 3;
  const std::vector<double> accuracies{0.1, 0.5, 0.5, 0.4, 0.5, 0.9};
  CHECK(run_measured(folder / "whole", flat, accuracies).outcome.step == 4);
  RunSettings halved = flat;
  halved.max_hours = 2.0;
  CHECK(run_measured(folder / "halves", halved, accuracies).outcome.step == 2);
  const auto rest = run_measured(folder / "halves", flat, accuracies);
  CHECK(rest.outcome.phase == RunPhase::finished);
  CHECK(rest.outcome.step == 4);
  CHECK(rest.state.best_step == 1);
}

TEST_CASE("the best evaluation is the one that the run's figure says", "[rl][stages]") {
  const tests::TemporaryFolder folder;
  RunSettings best = settings();
  best.eval_every = 1;
  const std::vector<double> accuracies{0.1, 0.5, 0.8, 0.4, 0.5, 0.3};
  CHECK(run_measured(folder / "accuracy", best, accuracies).state.best_step == 2);
  best.best_metric = "eval/mean_length";
  best.best_mode = "min";
  CHECK(run_measured(folder / "least", best, accuracies).state.best_step == 2);
  best.best_mode = "max";
  CHECK(run_measured(folder / "most", best, accuracies).state.best_step == 0);
  best.best_metric = "reward";  // of the step, which step 0 has not
  CHECK(run_measured(folder / "reward", best, accuracies).state.best_step == 5);
}

TEST_CASE("a run of epochs ends where the rows do", "[rl][stages]") {
  const tests::TemporaryFolder folder;
  CHECK(run_measured(folder / "run", settings(), std::vector<double>(6), 9).outcome.step == 3);
  CHECK(end_of_epochs(0.1, 30) == 3);
  CHECK(end_of_epochs(1.5, 3) == 5);
  CHECK(end_of_epochs(0.001, 3) == 1);
  CHECK_THROWS_WITH(end_of_epochs(1.0, 0), Catch::Contains("has no end"));
}

TEST_CASE("the registry of stages says what run.task may be", "[rl][stages]") {
  CHECK(stages().names() == std::vector<std::string>{"grpo", "sft", "pretrain", "rejection_sample",
                                                     "preference", "reward_model", "distill"});
  RunConfig config;
  CHECK_THROWS_WITH(apply_set(config, "run.task=gpro"), Catch::Contains("one of grpo, sft"));
  CHECK_THAT(to_toml(config, true), Catch::Contains("# what is done: grpo (reinforcement"));
}
