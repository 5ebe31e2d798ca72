// Trying rewards before a run, as a user does.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/rewards/reward_distribution.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace gradus::cli;
using nlohmann::json;

namespace {

constexpr const char* kRecipe =
    "[model]\npath = \"none\"\n[data]\ntask = \"arithmetic\"\n"
    "[[rewards]]\ntype = \"format\"\ngate = 1.0\n"
    "[[rewards]]\ntype = \"accuracy\"\nweight = 2.0\n";

constexpr const char* kCompletions =
    "{\"question\": \"3 + 4?\", \"answer\": \"7\", \"completions\": [\"The answer is 7.\", "
    "\"The answer is 8.\"]}\n"
    "{\"question\": \"1 + 1?\", \"answer\": \"2\", \"completion\": [{\"role\": \"assistant\", "
    "\"content\": \"2\"}]}\n"
    "{\"question\": \"no gold\", \"completion\": \"2\"}\n";

std::vector<json> lines_of(const std::string& text) {
  std::vector<json> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    lines.push_back(json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return lines;
}

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a file of completions is graded and summed up", "[cli][rewards]") {
  const TemporaryFolder folder;
  write_text(folder / "data.jsonl", kCompletions);
  const auto result = run_gradus({"rewards", "grade", "--rule", "accuracy:wrong=-1,name=right",
                                  "--data", folder / "data.jsonl", "--out", folder / "out.jsonl"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto lines = lines_of(read_text(folder / "out.jsonl"));
  REQUIRE(lines.size() == 4);
  CHECK(lines[0]["reward"] == 1.0);
  CHECK(lines[1]["reward"] == -1.0);
  CHECK(lines[1]["index"] == 1);
  CHECK(lines[2]["grades"]["right"]["value"] == 1.0);
  CHECK(lines[3]["reward"].is_null());
  CHECK(lines[3]["grades"]["right"]["outcome"] == "skipped");
  CHECK(has(result.out, "right"));
  CHECK(has(result.out, "66.7 %"));
  CHECK(has(result.out, "4 completions"));
}

TEST_CASE("a recipe's gates hold when a file is graded", "[cli][rewards]") {
  const TemporaryFolder folder;
  write_text(folder / "recipe.toml", kRecipe);
  write_text(folder / "data.jsonl",
             "{\"answer\": \"7\", \"response\": \"<think>\\na\\n</think>\\n<answer>\\n7\\n"
             "</answer>\"}\n{\"answer\": \"7\", \"response\": \"7\"}\n");
  const auto result = run_gradus({"rewards", "grade", "--recipe", folder / "recipe.toml", "--data",
                                  folder / "data.jsonl", "--column", "response", "--out", "-"});
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const auto lines = lines_of(result.out);
  CHECK(lines.at(0)["reward"] == 3.0);
  CHECK(lines.at(1)["reward"] == 0.0);
  CHECK(lines.at(1)["grades"]["accuracy"]["value"] == 1.0);
}

TEST_CASE("grading refuses what it cannot mean", "[cli][rewards]") {
  const TemporaryFolder folder;
  write_text(folder / "data.jsonl", kCompletions);
  const auto neither = run_gradus({"rewards", "grade", "--data", folder / "data.jsonl"});
  CHECK(neither.exit_code == 2);
  CHECK(has(neither.err, "either --rule"));
  const auto unknown =
      run_gradus({"rewards", "grade", "--rule", "acuracy", "--data", folder / "data.jsonl"});
  CHECK(unknown.exit_code == 2);
  CHECK(has(unknown.err, "did you mean \"accuracy\""));
  write_text(folder / "bad.jsonl", "{\"answer\": \"7\"}\n");
  const auto bad =
      run_gradus({"rewards", "grade", "--rule", "accuracy", "--data", folder / "bad.jsonl"});
  CHECK(bad.exit_code == 1);
  CHECK(has(bad.err, "bad.jsonl:1: has neither"));
}

TEST_CASE("tests of a rule pass and fail by case", "[cli][rewards]") {
  const TemporaryFolder folder;
  write_text(folder / "cases.jsonl",
             "{\"completion\": \"\\\\boxed{7}\", \"answer\": \"7\", \"expected\": 1}\n"
             "{\"completions\": [\"8\", \"7\"], \"answer\": \"7\", \"expected\": [false, true]}\n"
             "{\"completion\": \"8\", \"expected\": \"skipped\"}\n"
             "{\"completion\": \"aXb\", \"rule\": \"regex:pattern=X\", \"expected\": 1}\n"
             "{\"completion\": \"cat dog\", \"answer\": \"cat\", \"rule\": \"word_overlap\", "
             "\"expected\": 0.67, \"tolerance\": 0.01}\n");
  const auto passed = run_gradus({"rewards", "test", folder / "cases.jsonl", "--rule", "accuracy"});
  INFO(passed.out + passed.err);
  CHECK(passed.exit_code == 0);
  CHECK(passed.out == "6 of 6 as expected\n");

  write_text(folder / "wrong.jsonl",
             "{\"completion\": \"8\", \"answer\": \"7\", \"expected\": 1}\n");
  const auto failed = run_gradus({"rewards", "test", folder / "wrong.jsonl", "--rule", "accuracy"});
  CHECK(failed.exit_code == 1);
  CHECK(has(failed.out, "wrong.jsonl:1: accuracy: expected 1, got 0"));
  CHECK(has(failed.out, "0 of 1 as expected"));

  write_text(folder / "recipe.toml", kRecipe);
  write_text(
      folder / "total.jsonl",
      "{\"completion\": \"7\", \"answer\": \"7\", \"expected\": {\"reward\": 0, \"accuracy\": "
      "1, \"format\": 0}}\n");
  const auto total = run_gradus(
      {"rewards", "test", folder / "total.jsonl", "--recipe", folder / "recipe.toml", "--json"});
  CHECK(total.exit_code == 0);
  CHECK(lines_of(total.out).size() == 3);

  const auto none = run_gradus({"rewards", "test", folder / "wrong.jsonl"});
  CHECK(none.exit_code == 1);
  CHECK(has(none.err, "names no `rule`"));
}

TEST_CASE("a recipe's rules are tried on answers made from its data", "[cli][rewards]") {
  const TemporaryFolder folder;
  write_text(folder / "recipe.toml", kRecipe);
  const auto good = run_gradus({"rewards", "check", folder / "recipe.toml", "--rows", "2"});
  INFO(good.out + good.err);
  CHECK(good.exit_code == 0);
  CHECK(has(good.out, "the answer in a box"));
  CHECK(has(good.out, "signal: the ordinary samples differ in reward on 2 of 2 rows"));
  CHECK(has(good.out, "speed on ordinary completions"));
  CHECK_FALSE(has(good.out, "warning: failed"));

  const auto blind =
      run_gradus({"rewards", "check", folder / "recipe.toml", "--rows", "2", "--set",
                  "rewards[1].reference=\"nowhere\"", "--set", "rewards[0].weight=0"});
  INFO(blind.out);
  CHECK(blind.exit_code == 1);
  CHECK(has(blind.out, "has no signal"));
  CHECK(has(blind.out, "skipped: accuracy: the row has no column"));
}

TEST_CASE("a rule that fails on hostile text is told before the run", "[cli][rewards]") {
  const TemporaryFolder folder;
  write_text(folder / "broken.py",
             "def reward(completions, answer, **rest):\n"
             "    return [float(a in c) / len(c) * len(c) for c, a in zip(completions, answer)]\n");
  write_text(folder / "recipe.toml",
             "[model]\npath = \"none\"\n[data]\ntask = \"arithmetic\"\n"
             "[[rewards]]\ntype = \"python\"\nfile = \"broken.py:reward\"\n"
             "isolation = \"weak\"\n");
  const auto result = run_gradus({"rewards", "check", folder / "recipe.toml", "--rows", "1"});
  INFO(result.out + result.err);
  CHECK(result.exit_code == 1);
  CHECK(has(result.out, "warning: failed: python"));
  CHECK(has(result.out, "ZeroDivisionError"));
}

TEST_CASE("quantiles are linear between neighbours", "[cli][rewards]") {
  CHECK(quantile({1, 2, 3, 4}, 0.5) == 2.5);
  CHECK(quantile({1, 2, 3, 4}, 0.25) == 1.75);
  CHECK(quantile({5}, 0.75) == 5.0);
  CHECK(quantile({0, 10}, 1.0) == 10.0);
}

TEST_CASE("tokens of a completion that are none are refused by their key", "[cli][rewards]") {
  const TemporaryFolder folder;
  const auto complaint = [&](const std::string& tokens) {
    write_text(folder / "data.jsonl", R"({"completion": "a", "completion_ids": )" + tokens + "}\n");
    const auto result =
        run_gradus({"rewards", "grade", "--rule", "repetition", "--data", folder / "data.jsonl"});
    CHECK((result.exit_code == 0) == result.err.empty());
    return result.err;
  };
  CHECK(complaint("[1, 2]").empty());
  CHECK(complaint("null").empty());
  CHECK(has(complaint("[4294967297]"), "data.jsonl:1: `completion_ids` holds 4294967297"));
  CHECK(has(complaint("\"abc\""), "`completion_ids` is \"abc\", must be a list of tokens"));
  CHECK(has(complaint("[[1], [2]]"), "must be the tokens of one completion"));
  CHECK(has(complaint("[1.5]"), "holds 1.5"));
}

TEST_CASE("rules are listed with what every rule has", "[cli][rewards]") {
  const auto result = run_gradus({"rewards", "list"});
  CHECK(result.exit_code == 0);
  CHECK(has(result.out, "every rule\n    type (text"));
  CHECK(has(result.out, "    weight (number, default 1.0)"));
}

TEST_CASE("what goes to a device or pipe leaves it in place", "[cli][rewards]") {
  const TemporaryFolder folder;
  const std::string pipe = folder / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
  write_text(folder / "data.jsonl", kCompletions);
  const auto result = run_gradus(
      {"rewards", "grade", "--rule", "accuracy", "--data", folder / "data.jsonl", "--out", pipe});
  CHECK(result.exit_code == 0);
  CHECK(std::filesystem::is_fifo(pipe));
  char first = 0;
  CHECK(::read(reader, &first, 1) == 1);
  CHECK(first == '{');
  ::close(reader);
}

TEST_CASE("members of a grading case are refused by name", "[cli][rewards]") {
  const auto complaint = [](const std::string& config) {
    const auto result =
        run_gradus({"rewards", "explain", "--gold", "1", "--answer", "1", "--config", config});
    CHECK(result.exit_code != 0);
    CHECK_FALSE(has(result.err, "json.exception"));
    return result.err;
  };
  CHECK(
      has(complaint("{\"strickt\": true}"), "`config.strickt` is not known; did you mean strict?"));
  CHECK(has(complaint("{\"xyzzy\": true}"), "there are targets, gold_targets, strings"));
  CHECK(has(complaint("{\"float_rounding\": 1.5}"),
            "`config.float_rounding` is 1.5, must be a whole"));
  CHECK(
      has(complaint("{\"targets\": \"latex\"}"), "`config.targets` is \"latex\", must be a list"));
  CHECK(has(complaint("{\"profile\": \"hendricks\"}"), "did you mean \"hendrycks\"?"));
  CHECK(has(complaint("[]"), "`config` is [], no object"));
  const TemporaryFolder folder;
  write_text(folder / "in.jsonl", "{\"reward\": \"tag_count\", \"input\": {}}\n");
  const auto result =
      run_gradus({"rewards", "verify", "--in", folder / "in.jsonl", "--out", folder / "out.jsonl"});
  CHECK(has(result.err, "in.jsonl:1: has no `input.completion`"));
}

TEST_CASE("a bad case is refused with its line", "[cli][rewards]") {
  const TemporaryFolder folder;
  const auto complaint = [&](const std::string& more) {
    write_text(folder / "cases.jsonl", R"({"completion": "1", "answer": "1", )" + more + "}\n");
    return run_gradus({"rewards", "test", folder / "cases.jsonl"}).err;
  };
  CHECK(has(complaint(R"("rule": 5, "expected": 1)"), "cases.jsonl:1: `rule` is 5, must be text"));
  CHECK(has(complaint(R"("rule": "acuracy", "expected": 1)"), "cases.jsonl:1: rule: "));
  CHECK(has(complaint(R"("rule": "accuracy", "expected": {})"),
            "cases.jsonl:1: `expected` is empty"));
}

TEST_CASE("a check without a score says so", "[cli][rewards]") {
  const TemporaryFolder folder;
  write_text(folder / "data.jsonl", "{\"question\": \"a\", \"answer\": \"7\"}\n");
  write_text(folder / "recipe.toml",
             "[model]\npath = \"none\"\n[data]\npath = \"" + std::string(folder / "data.jsonl") +
                 "\"\n[[rewards]]\ntype = \"exact_match\"\nreference = \"gone\"\n");
  const auto result = run_gradus({"rewards", "check", folder / "recipe.toml"});
  INFO(result.out << result.err);
  CHECK(result.exit_code == 1);
  CHECK_FALSE(has(result.out, "inf"));
  CHECK(has(result.out, "right answers cannot be compared with wrong ones"));
}
