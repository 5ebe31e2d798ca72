// The gallery of recipes, each by the real program on the bundled base, in a short form.
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.h"
#include "tests/cli/program.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

const fs::path kGallery = fs::path(GRADUS_SOURCE_DIR) / "examples/gallery";

std::vector<fs::path> gallery_recipes() {
  std::vector<fs::path> recipes;
  for (const auto& entry : fs::directory_iterator(kGallery))
    if (entry.path().extension() == ".toml") recipes.push_back(entry.path());
  std::sort(recipes.begin(), recipes.end());
  return recipes;
}

bool is_chain(const fs::path& recipe) {
  return read_text(recipe).find("[[stages]]") != std::string::npos;
}

/// What makes a recipe short: of one stage, and of a chain, whose samples must still hold right
/// and wrong answers.
const Words kShortTraining{"run.steps=2", "rl.prompts_per_step=4", "eval.data.count=8"};
const Words kShortChain{"*:run.steps=2", "rl.prompts_per_step=4", "eval.data.count=8",
                        "*:sample.prompts_per_step=24", "*:preference.batch_pairs=4"};

/// A figure that the recipe is about, by the recipe's name; it must be in its metrics.
const std::map<std::string, std::string> kFigures{{"dapo", "dynamic_sampling/rounds"},
                                                  {"drafts", "rollout/draft_acceptance"},
                                                  {"int8", "sampling/importance_ratio/mean"},
                                                  {"lora", "kl"}};

/// The last line of the last stage's metrics.
nlohmann::json last_metrics(const fs::path& run) {
  std::istringstream lines(read_text(run / "metrics.jsonl"));
  std::string line;
  std::string last;
  while (std::getline(lines, line)) last = line;
  return nlohmann::json::parse(last);
}

TEST_CASE("every recipe of the gallery goes through, in a short form", "[gallery]") {
  const TemporaryFolder folder;
  const auto recipes = gallery_recipes();
  REQUIRE(recipes.size() >= 10);
  for (const fs::path& recipe : recipes) {
    const std::string name = recipe.stem();
    CAPTURE(name);
    const bool chain = is_chain(recipe);
    Words words{chain ? "run" : "train", recipe, "--run-dir", folder / name};
    for (const std::string& setting : chain ? kShortChain : kShortTraining)
      words.insert(words.end(), {"--set", setting});
    const auto result = run_gradus(words);
    INFO(result.out << result.err);
    REQUIRE(result.exit_code == 0);
    fs::path run = folder / name;
    if (chain) {
      const auto text = read_text(recipe);
      const auto at = text.rfind("name = \"") + 8;
      run = run / "stages" / text.substr(at, text.find('"', at) - at);
    }
    CHECK(fs::exists(run / "final/model.safetensors"));
    CHECK(fs::exists(run / "final/adapter") == (name == "lora"));
    const auto metrics = last_metrics(run);
    CHECK(metrics.at("step") == 2);
    if (const auto figure = kFigures.find(name); figure != kFigures.end())
      CHECK(metrics.contains(figure->second));
  }
}

TEST_CASE("the gallery's page tells of every recipe, and of no other", "[gallery]") {
  const std::string page = read_text(fs::path(GRADUS_SOURCE_DIR) / "docs/recipes.md");
  size_t told = 0;
  for (size_t at = page.find("| `"); at != std::string::npos; at = page.find("| `", at + 1)) ++told;
  const auto recipes = gallery_recipes();
  for (const fs::path& recipe : recipes) {
    CAPTURE(recipe);
    CHECK(page.find("| `" + recipe.stem().string() + "` |") != std::string::npos);
  }
  CHECK(told == recipes.size());
}

}  // namespace
}  // namespace gradus::cli
