#include "base/settings/setting.h"

#include <cstdint>
#include <limits>

#include "base/error.h"
#include "tests/catch.h"

namespace sample {

using gradus::any;
using gradus::at_least;
using gradus::between;
using gradus::non_empty;
using gradus::one_of;
using gradus::positive;

enum class Level { token, sequence };

struct RewardSample {
  std::string where;
  std::string type;
  double weight = 1.0;
  nlohmann::json options = nlohmann::json::object();
};

template <class Field>
void describe(RewardSample& c, Field&& field) {
  field.location(c.where);
  field("type", c.type, non_empty(), "which rule");
  field("weight", c.weight, any(), "its share");
  field.rest(c.options, "options of the rule");
}

struct StageSample {
  int64_t num_steps = 10;
};

template <class Field>
void describe(StageSample& c, Field&& field) {
  field("num_steps", c.num_steps, at_least(1), "steps");
}

struct GrpoSample {
  int group_size = 8;
  double clip_ratio = 0.2;
  std::optional<double> clip_high = 0.28;
  Level level = Level::token;
};

template <class Field>
void describe(GrpoSample& c, Field&& field) {
  field("group_size", c.group_size,
        at_least(2).hint("One completion has no group to be compared with; try 8."),
        "completions per prompt");
  field("clip_ratio", c.clip_ratio, between(0.0, 1.0), "the ratio is held in [1 - c, 1 + c]");
  field("clip_high", c.clip_high, positive(), "the upper end");
  field("level", c.level, one_of<Level>({{"token", Level::token}, {"sequence", Level::sequence}}),
        "where ratios are taken");
}

struct RunSample {
  std::string model;
  uint64_t seed = 1;
  bool resume = false;
  std::vector<std::string> stop{"</answer>"};
  std::vector<double> betas{0.9, 0.999};
  std::string dtype = "float32";
  GrpoSample rl;
  std::vector<RewardSample> rewards;
  std::map<std::string, StageSample> stages;
};

template <class Field>
void describe(RunSample& c, Field&& field) {
  field("model", c.model, non_empty(), "checkpoint folder");
  field("seed", c.seed, any(), "of all chance");
  field("resume", c.resume, any(), "go on");
  field("stop", c.stop, any(), "stop strings");
  field("betas", c.betas, between(0.0, 1.0), "decays");
  field("dtype", c.dtype, one_of({"float32", "bfloat16"}), "of weights");
  field.section("rl", c.rl, "the algorithm");
  field.tables("rewards", c.rewards, "what is rewarded");
  field.named_tables("stages", c.stages, "stages by name");
}

std::string error_of(const std::string& toml) {
  RunSample config;
  try {
    gradus::read_settings(config, toml, "recipe.toml");
  } catch (const gradus::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string set_error_of(RunSample config, const std::string& assignment) {
  try {
    gradus::apply_set(config, assignment);
  } catch (const gradus::ConfigError& error) {
    return error.what();
  }
  return "no error";
}

const char* const kRecipe = R"(model = "base"
seed = 7
stop = ["a", "b"]
[rl]
group_size = 16
clip_ratio = 0.1
clip_high = "none"
level = "sequence"

[[rewards]]
type = "accuracy"
extract = "boxed"
nested = { depth = 2 }

[[rewards]]
type = "format"
weight = 0.5

[stages.cold]
num_steps = 3
)";

}  // namespace sample

using namespace gradus;
using sample::error_of;
using sample::RunSample;
using sample::set_error_of;

TEST_CASE("a recipe sets every kind of setting", "[base][setting]") {
  RunSample config;
  read_settings(config, sample::kRecipe, "recipe.toml");
  CHECK(config.model == "base");
  CHECK(config.seed == 7);
  CHECK(config.stop == std::vector<std::string>{"a", "b"});
  CHECK(config.rl.group_size == 16);
  CHECK_FALSE(config.rl.clip_high.has_value());
  CHECK(config.rl.level == sample::Level::sequence);
  REQUIRE(config.rewards.size() == 2);
  CHECK(config.rewards[0].options["extract"] == "boxed");
  CHECK(config.rewards[0].options["nested"]["depth"] == 2);
  CHECK(config.rewards[0].where == "recipe.toml:10: rewards[0]");
  CHECK(config.rewards[1].weight == 0.5);
  CHECK(config.stages.at("cold").num_steps == 3);
}

TEST_CASE("errors of a recipe name line, key, value and what to do", "[base][setting]") {
  CHECK(error_of("\n[rl]\ngroup_size = 1") ==
        "recipe.toml:3: rl.group_size: is 1, must be >= 2. One completion has no group to be "
        "compared with; try 8.");
  CHECK(error_of("[rl]\ngroup_sise = 4") ==
        "recipe.toml:2: rl.group_sise: is not a setting; did you mean rl.group_size?");
  CHECK(
      error_of("zzz = 4") ==
      "recipe.toml:1: zzz: is not a setting; known here: model, seed, resume, stop, betas, dtype, "
      "rl, rewards, stages");
  CHECK(error_of("[rl]\nclip_ratio = \"0.1\"") ==
        "recipe.toml:2: rl.clip_ratio: is \"0.1\", must be a number");
  CHECK(error_of("[rl]\ngroup_size = 4.0") ==
        "recipe.toml:2: rl.group_size: is 4.0, must be an integer");
  CHECK(error_of("[rl]\ngroup_size = 99999999999") ==
        "recipe.toml:2: rl.group_size: is 99999999999, must fit in 32 bits");
  CHECK(error_of("[rl]\nlevel = \"tokn\"") ==
        "recipe.toml:2: rl.level: is \"tokn\", must be one of token, sequence; did you mean "
        "\"token\"?");
  CHECK(error_of("rl = 3") == "recipe.toml:1: rl: is 3, must be a table");
  CHECK(error_of("betas = [0.9, 1.5]") ==
        "recipe.toml:1: betas: element 1 is 1.5, must be in [0, 1]");
  CHECK(error_of("rewards = 3") ==
        "recipe.toml:1: rewards: is 3, must be a list of tables: [[rewards]]");
  CHECK(error_of("seed = -1") == "recipe.toml:1: seed: is -1, must be >= 0");
  CHECK(error_of("[rl]\nclip_ratio = nan") ==
        "recipe.toml:2: rl.clip_ratio: is nan, must be a finite number");
  CHECK(error_of("model = 2024-01-01").substr(0, 24) == "recipe.toml:1: model: is");
  CHECK(error_of("dtype = \"float16\"") ==
        "recipe.toml:1: dtype: is \"float16\", must be one of float32, bfloat16");
}

TEST_CASE("a duplicate key and broken TOML are refused with the line", "[base][setting]") {
  CHECK(error_of("seed = 1\nseed = 2").substr(0, 15) == "recipe.toml:2: ");
  CHECK(error_of("seed = 1\n[rl").substr(0, 15) == "recipe.toml:2: ");
}

TEST_CASE("a refused recipe leaves the config as it was", "[base][setting]") {
  RunSample config;
  CHECK_THROWS_AS(read_settings(config, "seed = 5\nstop = 3", "r"), ConfigError);
  CHECK(config.seed == 1);
}

TEST_CASE("--set is typed by the setting", "[base][setting]") {
  RunSample config;
  read_settings(config, sample::kRecipe, "recipe.toml");
  apply_set(config, "rl.clip_ratio=1e-3");
  apply_set(config, "model=/a/b c=d");
  apply_set(config, "rl.level=token");
  apply_set(config, "stop=[\"x\"]");
  apply_set(config, "rl.clip_high=none");
  apply_set(config, "rewards[1].weight = 2");
  apply_set(config, "rewards[0].extract=last_number");
  apply_set(config, "stages.hot.num_steps=4");
  apply_set(config, "seed=18446744073709551615");
  CHECK(config.rl.clip_ratio == 1e-3);
  CHECK(config.model == "/a/b c=d");
  CHECK(config.rl.level == sample::Level::token);
  CHECK(config.stop == std::vector<std::string>{"x"});
  CHECK_FALSE(config.rl.clip_high.has_value());
  CHECK(config.rewards[1].weight == 2.0);
  CHECK(config.rewards[0].options["extract"] == "last_number");
  CHECK(config.stages.at("hot").num_steps == 4);
  CHECK(config.seed == std::numeric_limits<uint64_t>::max());
}

TEST_CASE("--set refuses what a recipe would refuse", "[base][setting]") {
  const RunSample config;
  CHECK(set_error_of(config, "rl.group_sise=4") ==
        "--set: rl.group_sise: is not a setting; did you mean rl.group_size?");
  CHECK(set_error_of(config, "rl.group_size=many") ==
        "--set: rl.group_size: is \"many\", must be an integer");
  CHECK(set_error_of(config, "rewards[0].weight=1") ==
        "--set: rewards[0]: there are 0 entries, from 0");
  CHECK(set_error_of(config, "seed") == "--set: \"seed\" must be key=value, as rl.kl_coef=0.01");
  CHECK(set_error_of(config, "seed.x=1") == "--set: seed: holds no settings of its own");
  CHECK(set_error_of(config, "rewards[x].weight=1") ==
        "--set: rewards[x].weight: is not a key; an entry is written name[0]");
}

TEST_CASE("the dumped recipe reads back to the same config", "[base][setting]") {
  RunSample config;
  read_settings(config, sample::kRecipe, "recipe.toml");
  config.rl.clip_ratio = 0.1 + 0.2;
  config.model = "a \"quoted\"\n\x01 name";
  config.seed = std::numeric_limits<uint64_t>::max();
  for (const bool with_texts : {false, true}) {
    RunSample again;
    again.stop.clear();
    read_settings(again, to_toml(config, with_texts), "dump");
    CHECK(compare_settings(config, again).empty());
    CHECK(to_toml(again) == to_toml(config));
    CHECK(again.rl.clip_ratio == config.rl.clip_ratio);
  }
  RunSample from_json;
  read_settings_json(from_json, settings_json(config), "json");
  CHECK(compare_settings(config, from_json).empty());
}

TEST_CASE("a setting that must be given is missed by name", "[base][setting]") {
  CHECK_THROWS_WITH(check_settings(RunSample{}, "recipe.toml"),
                    "recipe.toml: model: is empty, must be set and not empty");
}

TEST_CASE("settings are listed with type, default and constraint", "[base][setting]") {
  const auto lines = list_settings(RunSample{});
  const auto find = [&](const std::string& key) {
    for (const auto& line : lines) {
      if (line.key == key) return line;
    }
    return SettingInfo{};
  };
  CHECK(find("rl.group_size").type == "integer");
  CHECK(find("rl.group_size").default_value == "8");
  CHECK(find("rl.group_size").constraint == ">= 2");
  CHECK(find("rl.level").type == "token|sequence");
  CHECK(find("rl.clip_high").type == "number or none");
  CHECK(find("rewards[].weight").default_value == "1.0");
  CHECK(find("stages.NAME.num_steps").text == "steps");
  CHECK(find("betas").default_value == "[0.9, 0.999]");
}

TEST_CASE("two configs differ by key", "[base][setting]") {
  RunSample left;
  RunSample right;
  right.rl.group_size = 4;
  right.rewards.emplace_back();
  const auto differences = compare_settings(left, right);
  REQUIRE(differences.size() == 4);
  CHECK(differences[3].key == "rl.group_size");
  CHECK(differences[3].left == 8);
  CHECK(differences[3].right == 4);
}
