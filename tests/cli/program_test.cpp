// What users type and read: the real program, on real files.

#include "tests/cli/program.h"

#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/cli/tiny_recipe.h"

using namespace gradus::cli;
using nlohmann::json;
namespace fs = std::filesystem;

TEST_CASE("the program tells its version and its commands", "[cli]") {
  CHECK(run_gradus({"--version"}).out.rfind("gradus ", 0) == 0);
  const auto help = run_gradus({"--help"});
  CHECK(help.exit_code == 0);
  for (const char* command : {"train", "eval", "sample", "chat", "model", "runs", "doctor"}) {
    CHECK(help.out.find(command) != std::string::npos);
  }
}

TEST_CASE("a mistyped command is refused with the nearest one", "[cli]") {
  const auto result = run_gradus({"trian"});
  CHECK(result.exit_code == 2);
  CHECK(result.err.find("did you mean `train`?") != std::string::npos);
  CHECK(run_gradus({"model", "inof"}).err.find("`info`") != std::string::npos);
  CHECK(run_gradus({}).exit_code == 2);
  CHECK(run_gradus({"eval", "--no-such-flag"}).exit_code == 2);
}

TEST_CASE("a file that is not there is named, with exit code 1", "[cli]") {
  const auto result = run_gradus({"train", "/no/such/recipe.toml"});
  CHECK(result.exit_code == 1);
  CHECK(result.err.find("gradus: /no/such/recipe.toml") == 0);
}

TEST_CASE("an unknown key of a recipe is refused with the nearest name", "[cli][train]") {
  const TemporaryFolder folder;
  write_text(folder / "recipe.toml", "[rl]\ngroup_sise = 4\n");
  const auto result = run_gradus({"train", folder / "recipe.toml"});
  CHECK(result.exit_code == 2);
  CHECK(result.err.find("recipe.toml:2") != std::string::npos);
  CHECK(result.err.find("group_size") != std::string::npos);
}

TEST_CASE("a run's name does not lead out of runs/", "[cli][train]") {
  const TemporaryFolder folder;
  for (const char* name : {"../../oops", "..", "a/b", ""}) {
    write_text(folder / "recipe.toml",
               std::string("[run]\nname = \"") + name + "\"\n[model]\npath = \"m\"\n");
    const auto result = run_gradus({"train", folder / "recipe.toml", "--dry-run"});
    CHECK(result.exit_code == 2);
    CHECK(result.err.find("run.name") != std::string::npos);
  }
}

TEST_CASE("--set may stand before the recipe, and the folder follows the name it sets",
          "[cli][train]") {
  const TemporaryFolder folder;
  const auto recipe = write_recipe(folder);
  const auto result = run_gradus({"train", "--set", "run.name=other", recipe, "--dry-run"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  CHECK(result.out.find("/runs/other\"") != std::string::npos);
}

TEST_CASE(
    "a model of the hub is found by its name in the cache, or the command is told that fetches it",
    "[cli][model]") {
  const TemporaryFolder folder;
  const auto model = folder.path() / "models--some--tiny-model";
  fs::create_directories(model / "refs");
  fs::create_directories(model / "snapshots");
  fs::copy(gradus::tests::fixture("parity/llama_gqa_tied_llama3"), model / "snapshots/0123abc",
           fs::copy_options::recursive);
  write_text(model / "refs/main", "0123abc\n");
  ::setenv("HF_HUB_CACHE", folder.path().c_str(), 1);
  const auto found = run_gradus({"model", "info", "some/tiny-model"});
  const auto missing = run_gradus({"model", "info", "some/other-model"});
  ::unsetenv("HF_HUB_CACHE");
  INFO(found.err);
  CHECK(found.exit_code == 0);
  CHECK(missing.exit_code == 1);
  CHECK(missing.err.find("hf download some/other-model") != std::string::npos);
}

TEST_CASE("every key of a recipe is explained, one of them alone too", "[cli][help]") {
  const auto all = run_gradus({"help", "recipe"});
  CHECK(all.exit_code == 0);
  for (const char* key : {"run.steps", "model.path", "rl.group_size", "optim.lr", "rollout.top_p",
                          "rewards[].type", "eval.data.path"}) {
    CHECK(all.out.find(key) != std::string::npos);
  }
  const auto one = run_gradus({"help", "recipe", "rl.group_size"});
  CHECK(one.out.find("optim.lr") == std::string::npos);
  CHECK(one.out.find(">= 2") != std::string::npos);
  CHECK(one.out.find("on resume") == std::string::npos);
  const auto steps = run_gradus({"help", "recipe", "run.steps"});
  CHECK(steps.out.find("free on resume: more of them, under a constant schedule") !=
        std::string::npos);
  CHECK(run_gradus({"help", "recipe", "rl.groupsize"}).err.find("rl.group_size") !=
        std::string::npos);
}

TEST_CASE("doctor's JSON names the machine's parts", "[cli][doctor]") {
  const auto result = run_gradus({"doctor", "--json"});
  REQUIRE(result.exit_code == 0);
  const auto report = json::parse(result.out);
  CHECK(report["threads"].get<int>() >= 1);
  CHECK_FALSE(report["libtorch"].get<std::string>().empty());
  for (const auto& check : report["checks"]) {
    CHECK(check["remedy"].get<std::string>().empty() == (check["state"] == "fine"));
  }
}

TEST_CASE("generated data is the same in every call and any order", "[cli][data]") {
  const std::vector<std::string> begin{"data", "generate", "--task", "arithmetic", "--seed", "7"};
  auto with = [&begin](std::vector<std::string> rest) {
    rest.insert(rest.begin(), begin.begin(), begin.end());
    return run_gradus(rest);
  };
  const auto all = with({"--count", "5"});
  REQUIRE(all.exit_code == 0);
  CHECK(all.out == with({"--count", "5"}).out);
  const auto tail = with({"--count", "2", "--offset", "3"});
  CHECK(all.out.substr(all.out.size() - tail.out.size()) == tail.out);
  const auto row = json::parse(all.out.substr(0, all.out.find('\n')));
  CHECK(row.contains("question"));
  CHECK(row.contains("answer"));
  CHECK(run_gradus({"data", "generate", "--task", "aritmetic"}).err.find("arithmetic") !=
        std::string::npos);
}
