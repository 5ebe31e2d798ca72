#include "rl/recipe/input_files.h"

#include <fstream>

#include "rl/recipe/code_files.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;
namespace fs = std::filesystem;

namespace {

void write_input(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::vector<std::string> names_of(const std::set<fs::path>& files, const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& file : files) names.push_back(file.lexically_relative(folder).string());
  return names;
}

/// The phrase that a change of `changed` gives for a recipe with one rule, or nothing.
std::vector<std::string> changes_after(const rewards::RewardConfig& rule, const fs::path& changed,
                                       const std::string& text) {
  RunConfig config;
  config.rewards = {rule};
  const auto before = fingerprint_inputs(config);
  write_input(changed, text);
  return changed_inputs(before, fingerprint_inputs(config));
}

}  // namespace

TEST_CASE("a script's files are the modules it imports and the files it names", "[rl][recipe]") {
  const tests::TemporaryFolder temporary;
  const fs::path folder = fs::canonical(temporary.path());
  write_input(folder / "rule.py",
              "import os, scale\nfrom pack.inner import deep\nfrom . import sibling\n"
              "WORDS = open(os.path.join(here, 'words.txt'))\nTEXT = \"no such file\"\n");
  write_input(folder / "scale.py", "import further  # import not_this\n");
  write_input(folder / "further.py", "import scale\n");
  write_input(folder / "not_this.py", "");
  write_input(folder / "sibling.py", "");
  write_input(folder / "pack" / "__init__.py", "");
  write_input(folder / "pack" / "inner.py", "");
  write_input(folder / "words.txt", "a b c");
  write_input(folder / "unrelated.py", "");
  CHECK(names_of(code_files(folder / "rule.py"), folder) ==
        std::vector<std::string>{"further.py", "pack/__init__.py", "pack/inner.py", "rule.py",
                                 "scale.py", "sibling.py", "words.txt"});
  write_input(folder / "rule.sh", "#!/bin/sh\nexec python3 rule2.py --x=words.txt\n");
  write_input(folder / "rule2.py", "");
  CHECK(names_of(code_files(folder / "rule.sh"), folder) ==
        std::vector<std::string>{"rule.sh", "rule2.py", "words.txt"});
  CHECK(code_files(folder / "absent.py").empty());
}

TEST_CASE("a resume notices a changed script of a command, its helper and what a rule may read",
          "[rl][recipe]") {
  const tests::TemporaryFolder temporary;
  const fs::path folder = fs::canonical(temporary.path());
  write_input(folder / "rule.py", "import helper\n");
  write_input(folder / "helper.py", "K = 1\n");
  write_input(folder / "shown" / "table.json", "{}");
  rewards::RewardConfig rule;
  rule.type = "command";
  rule.options = {{"command", {"python3", (folder / "rule.py").string()}},
                  {"read", {(folder / "shown").string()}}};
  CHECK_THAT(changes_after(rule, folder / "rule.py", "import helper #\n").at(0),
             Catch::Contains("rewards: ") && Catch::Contains("rule.py changed"));
  CHECK(changes_after(rule, folder / "helper.py", "K = 2\n").size() == 1);
  CHECK(changes_after(rule, folder / "shown" / "table.json", "[]").size() == 1);
  CHECK(changes_after(rule, folder / "elsewhere.py", "").empty());
}

TEST_CASE("a resume notices base weights of the same size", "[rl][recipe]") {
  const tests::TemporaryFolder folder;
  RunConfig config;
  config.model.path = (folder.path() / "base").string();
  write_input(folder.path() / "base" / "model.safetensors", "weights 1");
  const auto before = fingerprint_inputs(config);
  write_input(folder.path() / "base" / "model.safetensors", "weights 2");
  const auto changes = changed_inputs(before, fingerprint_inputs(config));
  REQUIRE(changes.size() == 1);
  CHECK_THAT(changes.front(), Catch::Contains("model.safetensors changed"));
  // Fingerprints of before knew the size of weights alone.
  auto old = before;
  old["model.path"].front().erase("crc64");
  CHECK(changed_inputs(old, fingerprint_inputs(config)).empty());
}

TEST_CASE("the recipe that a run knows stands in its inputs", "[rl][recipe]") {
  RunConfig config;
  config.optim.lr = 0.125;
  const auto known = recipe_of_inputs(fingerprint_inputs(config));
  REQUIRE(known.has_value());
  CHECK(known->optim.lr == 0.125);
  CHECK_FALSE(recipe_of_inputs(nlohmann::json::object()).has_value());
}
