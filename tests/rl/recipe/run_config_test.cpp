#include <fstream>

#include "base/error.h"
#include "rl/recipe/changes.h"
#include "rl/recipe/input_files.h"
#include "rl/recipe/load.h"
#include "rl/stages/sampled_evaluation.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;
using Catch::Matchers::Contains;
using gradus::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

constexpr const char* kRecipe = R"(
[model]
path = "base"
[data]
path = "train.jsonl"
[[rewards]]
type = "python"
file = "rules.py:grade"
)";

}  // namespace

TEST_CASE("paths of a recipe are found beside it, and stay right from anywhere",
          "[rl][run_config]") {
  const TemporaryFolder folder;
  const fs::path root = fs::canonical(folder.path());
  write(root / "recipe.toml", kRecipe);
  write(root / "base" / "config.json", "{}");
  write(root / "train.jsonl", "{}\n");
  write(root / "rules.py", "");
  const RunConfig config = load_run_config(root / "recipe.toml", {});
  CHECK(config.model.path == (root / "base").string());
  CHECK(config.data.path == (root / "train.jsonl").string());
  CHECK(config.rewards.at(0).options["file"] == (root / "rules.py").string() + ":grade");
  CHECK(fs::path(config.run.dir) == fs::current_path() / "runs" / "run");

  RunConfig again;
  read_settings(again, to_toml(config), "resolved");
  CHECK(compare_settings(config, again).empty());
}

TEST_CASE("the constant length of a sequence is the longest completion unless it is given",
          "[rl][run_config]") {
  const TemporaryFolder folder;
  write(folder.path() / "recipe.toml", kRecipe);
  const std::vector<std::string> longest{"rollout.max_tokens=48"};
  CHECK(load_run_config(folder.path() / "recipe.toml", longest).rl.constant_length == 48);
  const std::vector<std::string> given{"rollout.max_tokens=48", "rl.constant_length=20"};
  CHECK(load_run_config(folder.path() / "recipe.toml", given).rl.constant_length == 20);
}

TEST_CASE("assignments win over the recipe and are checked", "[rl][run_config]") {
  const TemporaryFolder folder;
  write(folder.path() / "recipe.toml", kRecipe);
  const std::vector<std::string> good{"rl.group_size=4", "run.seed=9"};
  CHECK(load_run_config(folder.path() / "recipe.toml", good).rl.group_size == 4);
  const std::vector<std::string> bad{"rollout.temperature=0"};
  CHECK_THROWS_WITH(load_run_config(folder.path() / "recipe.toml", bad),
                    Contains("rollout.temperature: is 0"));
}

TEST_CASE("a recipe without what its task needs is refused by name", "[rl][run_config]") {
  RunConfig config;
  const auto refusal = [&] {
    try {
      check(config, "r");
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK_THAT(refusal(), Contains("model.path: is empty"));
  config.model.path = "/base";
  CHECK_THAT(refusal(), Contains("data.path: is empty"));
  config.data.task = "arithmetic";
  CHECK_THAT(refusal(), Contains("rewards: there is no rule"));
  config.rewards.emplace_back().type = "accuracy";
  CHECK(refusal().empty());
  config.run.eval_every = 5;
  CHECK_THAT(refusal(), Contains("eval.data.path: is empty"));
  config.eval.data.task = "arithmetic";
  CHECK_THAT(refusal(), Contains("eval.data.count"));
  config.eval.data.count = 10;
  config.eval.samples = 4;
  CHECK_THAT(refusal(), Contains("eval.temperature"));
  config.run.task = "pretrain";
  config.eval.samples = 1;
  CHECK_THAT(refusal(), Contains("data.count: is 0"));
  config.data.task.clear();
  CHECK_THAT(refusal(), Contains("text.path: is empty"));
}

TEST_CASE("a run's length is its steps or its epochs, not both", "[rl][run_config]") {
  const TemporaryFolder folder;
  write(folder.path() / "recipe.toml", kRecipe);
  const auto load = [&](const std::vector<std::string>& settings) {
    return load_run_config(folder.path() / "recipe.toml", settings).run;
  };
  CHECK(load({}).steps == 100);
  CHECK(load({"run.steps=7"}).steps == 7);
  const RunSettings epochs = load({"run.epochs=2.5"});
  CHECK(epochs.steps == 0);
  CHECK(epochs.epochs == 2.5);
  const std::vector<std::string> both{"run.epochs=1", "run.steps=9"};
  CHECK_THROWS_WITH(load(both), Contains("run.epochs: is 1, and run.steps = 9"));
  CHECK_THROWS_WITH(load({"run.steps=0"}), Contains("run.steps: is 0"));

  RunConfig was;
  was.run.steps = 0;
  was.run.epochs = 1.0;
  RunConfig is = was;
  is.run.epochs = 2.0;
  CHECK(differences_that_matter(was, is).empty());
  CHECK(differences_that_matter(is, was).size() == 1);
  is.optim.schedule = Schedule::cosine;
  was.optim.schedule = Schedule::cosine;
  CHECK(differences_that_matter(was, is).size() == 1);
}

TEST_CASE("figures of evaluations are refused where there are none", "[rl][run_config]") {
  RunConfig config;
  config.model.path = "/base";
  config.data.task = "arithmetic";
  config.rewards.emplace_back().type = "accuracy";
  config.run.stop_when = "reward > 0.9";
  CHECK_NOTHROW(check(config, "r"));
  config.run.stop_when = "eval/accuracy > 0.9";
  CHECK_THROWS_WITH(check(config, "r"), Contains("run.stop_when") && Contains("run.eval_every"));
  config.run.stop_when.clear();
  config.run.best_metric = "reward";
  CHECK_THROWS_WITH(check(config, "r"), Contains("run.best_metric"));
}

TEST_CASE("sets of held-out problems have names, and what eval says unless they say it",
          "[rl][run_config]") {
  const TemporaryFolder folder;
  const fs::path root = fs::canonical(folder.path());
  write(root / "recipe.toml", std::string(kRecipe) + R"(
[run]
eval_every = 5
[eval]
samples = 2
temperature = 0.7
[[eval.sets]]
name = "near"
[eval.sets.data]
path = "near.jsonl"
[[eval.sets]]
name = "far"
samples = 1
answer_rule = "right"
[eval.sets.data]
task = "arithmetic"
count = 3
[[eval.sets.rewards]]
type = "accuracy"
name = "right"
)");
  write(root / "near.jsonl", "{}\n");
  const RunConfig config = load_run_config(root / "recipe.toml", {});
  CHECK(config.eval.sets.at(0).data.path == (root / "near.jsonl").string());
  const auto plans = eval_plans(config);
  REQUIRE(plans.size() == 2);
  CHECK(plans[0].first == "near");
  CHECK(plans[0].second.eval.samples == 2);
  CHECK(plans[0].second.rewards.size() == config.rewards.size());
  CHECK(plans[1].second.eval.samples == 1);
  CHECK(plans[1].second.rewards.at(0).type == "accuracy");
  RunConfig again;
  read_settings(again, to_toml(config), "resolved");
  CHECK(compare_settings(config, again).empty());
  CHECK(fingerprint_inputs(config).contains("eval.sets.near.data.path"));

  const auto refusal = [&](const std::string& setting) {
    CHECK_THROWS_AS(load_run_config(root / "recipe.toml", std::vector<std::string>{setting}),
                    ConfigError);
  };
  refusal("eval.sets[1].name=near");
  refusal("eval.sets[1].name=accuracy");
  refusal("eval.sets[1].name=a/b");
  refusal("eval.sets[1].data.count=0");
  refusal("eval.sets[1].temperature=1e-9");
}

TEST_CASE("only settings that cannot change the weights are free on resume", "[rl][run_config]") {
  const RunConfig was;
  RunConfig is = was;
  is.run.steps += 10;
  is.run.keep = 7;
  is.rollout.workers = 4;
  is.ledger.device_price_per_hour = 2.0;
  CHECK(differences_that_matter(was, is).empty());
  is.optim.lr *= 2;
  is.run.seed = 1;
  is.run.steps = was.run.steps - 1;
  CHECK(differences_that_matter(was, is).size() == 3);
}

TEST_CASE("what can change a result is not free on resume", "[rl][run_config]") {
  const RunConfig was;
  const auto matters = [&](const char* assignment, const RunConfig& before) {
    RunConfig is = before;
    apply_set(is, assignment);
    return differences_that_matter(before, is).size() == 1;
  };
  // Less memory may not hold a request, whose completions then fail.
  CHECK(matters("rollout.kv_cache_mb=1", was));
  // More steps stretch a schedule that falls to its end.
  RunConfig falling = was;
  falling.optim.schedule = Schedule::cosine;
  CHECK(matters("run.steps=1000", falling));
  CHECK_FALSE(matters("run.steps=1000", was));
  // Outside the native kernels, sums depend on how they are shared among threads.
  RunConfig reference = was;
  reference.model.compute = policy::Compute::reference;
  CHECK(matters("run.threads=2", reference));
  CHECK(matters("rollout.max_sequences=3", reference));
  CHECK_FALSE(matters("run.threads=2", was));
}

TEST_CASE("a data file that changed is noticed", "[rl][input_files]") {
  const TemporaryFolder folder;
  RunConfig config;
  config.data.path = (folder.path() / "train.jsonl").string();
  write(config.data.path, "{\"question\": 1}\n");
  const auto was = fingerprint_inputs(config);
  CHECK(changed_inputs(was, fingerprint_inputs(config)).empty());
  write(config.data.path, "{\"question\": 2}\n");
  CHECK_THAT(changed_inputs(was, fingerprint_inputs(config)).at(0), Contains("changed"));
  fs::remove(config.data.path);
  CHECK_THAT(changed_inputs(was, fingerprint_inputs(config)).at(0), Contains("is gone"));
}

TEST_CASE("held-out problems are put as those of training, unless the recipe says how",
          "[rl][run_config]") {
  RunConfig config;
  config.data.template_text = "{question}\nAnswer:";
  config.data.system = "Be brief.";
  config.data.chat_template = "own.jinja";
  config.data.chat = false;
  const auto inherited = eval_plan(config).eval.data;
  CHECK(inherited.template_text == "{question}\nAnswer:");
  CHECK(inherited.system == "Be brief.");
  CHECK(inherited.chat_template == "own.jinja");
  CHECK_FALSE(inherited.chat);
  config.eval.data.template_text = "{question}";
  const auto own = eval_plan(config).eval.data;
  CHECK(own.template_text == "{question}");
  CHECK(own.system.empty());
}
