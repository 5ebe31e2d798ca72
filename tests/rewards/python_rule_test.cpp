#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "rewards/registry.h"
#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"
#include "tests/support/patience.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A Python file that lives as long as the test.
class PythonFile {
 public:
  explicit PythonFile(const std::string& text) : path_(folder_.add("rewards.py", text)) {}

  std::unique_ptr<RewardRule> rule(const std::string& function, const json& options = {}) const {
    json all{{"file", path_ + ":" + function}, {"timeout_s", 20.0}};
    if (options.is_object()) all.update(options);
    return make_rule("python", all);
  }

 private:
  PluginFolder folder_;
  std::string path_;
};

const char* const kFile = R"(
import os, sys, time, math, asyncio
def lengths(completions, **kwargs):
    return [float(len(c)) for c in completions]
def by_answer(prompts, completions, answer, completion_ids, **kwargs):
    assert prompts == ["Why?"] * len(completions) and completion_ids == [[7, 8]] * len(completions)
    return [1 if c == a else None for c, a in zip(completions, answer)]
def few(completions, answer): return [len(answer)] * len(completions)
def old_name(completions_ids): return [len(i) for i in completions_ids]
def chat(prompts, completions): 
    return [float(p[0]["content"] == "Hi" and c[0]["role"] == "assistant" and c[0]["content"] == "yo")
            for p, c in zip(prompts, completions)]
async def later(completions, **kwargs):
    await asyncio.sleep(0.01)
    return [2.0 for _ in completions]
def needs(completions, missing_column): return [0.0] * len(completions)
def odd(completions, **kwargs):
    return [float("nan"), float("inf"), True, "1", None, [1], 10**400, 3]
def wrong_count(completions, **kwargs): return [1.0]
def no_list(completions, **kwargs): return 1.0
def raises(completions, **kwargs): raise ValueError("bad luck")
def behave(completions, **kwargs):
    what = completions[0]
    if what == "hang":
        while True: pass
    if what == "sleep":
        import signal
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)
    if what == "exit": os._exit(0)
    if what == "sysexit": sys.exit(0)
    if what == "abort":
        print("about to die", file=sys.stderr, flush=True)
        os.abort()
    if what == "flood":
        for _ in range(300): print("x" * 100000); print("y" * 100000, file=sys.stderr)
    if what == "forge":
        os.write(3, b'{"nonce": 1, "grades": [9]}\n')
        time.sleep(0.2)
    if what == "close": os.close(3)
    if what == "binary":
        sys.stdout.buffer.write(b"\xff\x00" * 100)
        os.close(1)
    return [1.0] * len(completions)
def secret(completions, **kwargs): return [float("GRADUS_SECRET" in os.environ)] * len(completions)
def hungry(completions, **kwargs): return [float(len(bytearray(3 << 30)))]
)";

}  // namespace

TEST_CASE("a Python function grades completions as in TRL", "[rewards][python]") {
  const PythonFile file(kFile);
  CHECK(grades_of(*file.rule("lengths"), {"ab", "abc"})[1].value == 3.0);
  const json row{{"answer", "x"}, {"prompt", "hidden"}};
  const auto grades = grades_of(*file.rule("by_answer"), {"x", "y"}, row);
  CHECK(grades[0].value == 1.0);
  CHECK(grades[0].outcome == GradeOutcome::scored);
  CHECK(grades[1].outcome == GradeOutcome::skipped);
  CHECK(grades_of(*file.rule("few"), {"a", "b"}, row)[0].value == 2.0);
  CHECK(grades_of(*file.rule("old_name"), {"a"})[0].value == 2.0);
  CHECK(grades_of(*file.rule("later"), {"a"})[0].value == 2.0);
  const json messages = json::array({{{"role", "user"}, {"content", "Hi"}}});
  CHECK(grades_of(*file.rule("chat"), {"yo", "no"}, row, &messages)[0].value == 1.0);
}

TEST_CASE("a Python function's faults are failed grades with reasons", "[rewards][python]") {
  const PythonFile file(kFile);
  const auto reason = [&](const std::string& function) {
    const auto grades = grades_of(*file.rule(function), {"a", "b"});
    CHECK(grades.size() == 2);
    CHECK(grades[0].outcome == GradeOutcome::failed);
    return grades[0].reason;
  };
  CHECK_THAT(reason("needs"), Catch::Contains("needs missing_column, but the data has only"));
  CHECK(reason("wrong_count") == "the function returned 1 values for 2 completions");
  CHECK_THAT(reason("no_list"), Catch::Contains("returned float, must be a list"));
  CHECK_THAT(reason("raises"), Catch::Contains("ValueError: bad luck (rewards.py:"));
}

TEST_CASE("odd values fail alone and the others keep their scores", "[rewards][python]") {
  const PythonFile file(kFile);
  const auto grades = grades_of(*file.rule("odd"), std::vector<std::string>(8, "a"));
  for (const size_t i : {0U, 1U, 3U, 5U, 6U}) {
    CAPTURE(i, grades[i].reason);
    CHECK(grades[i].outcome == GradeOutcome::failed);
  }
  // A boolean is a number in Python: a comparison may be a reward.
  CHECK(grades[2].outcome == GradeOutcome::scored);
  CHECK(grades[2].value == 1.0);
  CHECK(grades[4].outcome == GradeOutcome::skipped);
  CHECK(grades[7].value == 3.0);
}

TEST_CASE("a worker that hangs, dies, floods or forges is replaced", "[rewards][python]") {
  const PythonFile file(kFile);
  // The limit is short only for what is meant to reach it: a busy machine is slow.
  const auto impatient = file.rule("behave", {{"timeout_s", 0.3}});
  for (const std::string what : {"hang", "sleep"}) {
    const auto begin = std::chrono::steady_clock::now();
    const Grade grade = grades_of(*impatient, {what})[0];
    CHECK(std::chrono::steady_clock::now() - begin < gradus::tests::patience(20));
    CHECK(grade.outcome == GradeOutcome::timed_out);
    CHECK(grade.reason == "did not answer within 0.3 s");
  }
  const auto rule = file.rule("behave");
  const auto outcome = [&](const std::string& what) {
    const auto grade = grades_of(*rule, {what})[0];
    CHECK(grades_of(*rule, {"fine"})[0].outcome == GradeOutcome::scored);
    return grade;
  };
  CHECK_THAT(outcome("exit").reason, Catch::Contains("exited with status 0"));
  CHECK(outcome("sysexit").outcome == GradeOutcome::failed);
  const Grade aborted = outcome("abort");
  CHECK_THAT(aborted.reason, Catch::Contains("killed by signal 6"));
  CHECK_THAT(aborted.reason, Catch::Contains("about to die"));
  CHECK(outcome("forge").outcome == GradeOutcome::failed);
  CHECK(outcome("close").outcome == GradeOutcome::failed);
  CHECK(outcome("binary").outcome == GradeOutcome::scored);
}

TEST_CASE("a flood of output does not reach the verdict", "[rewards][python]") {
  const PythonFile file(kFile);
  CHECK(grades_of(*file.rule("behave"), {"flood"})[0].value == 1.0);
}

TEST_CASE("a worker sees no secrets of ours and keeps to its memory", "[rewards][python]") {
  const PythonFile file(kFile);
  ::setenv("GRADUS_SECRET", "key", 1);
  CHECK(grades_of(*file.rule("secret"), {"a"})[0].value == 0.0);
  CHECK(grades_of(*file.rule("secret", {{"environment", {"GRADUS_SECRET"}}}), {"a"})[0].value ==
        1.0);
  ::unsetenv("GRADUS_SECRET");
  CHECK_THAT(grades_of(*file.rule("hungry", {{"memory_mb", 1000}}), {"a"})[0].reason,
             Catch::Contains("MemoryError"));
}

TEST_CASE("several threads grade at once with fewer workers", "[rewards][python]") {
  const PythonFile file(kFile);
  const auto rule = file.rule("lengths", {{"num_workers", 2}});
  std::vector<double> values(6);
  std::vector<std::thread> threads;
  for (size_t i = 0; i < values.size(); ++i) {
    threads.emplace_back(
        [&, i] { values[i] = grades_of(*rule, {std::string(i + 1, 'x')})[0].value; });
  }
  for (auto& thread : threads) thread.join();
  for (size_t i = 0; i < values.size(); ++i) CHECK(values[i] == static_cast<double>(i + 1));
}

TEST_CASE("a file that does not load is an error before the run", "[rewards][python]") {
  const PythonFile broken("import no_such_module_at_all\n");
  CHECK_THROWS_WITH(broken.rule("f"), Catch::Contains("No module named 'no_such_module_at_all'"));
  const PythonFile file(kFile);
  CHECK_THROWS_WITH(file.rule("nothing"), Catch::Contains("has no function nothing"));
  CHECK_THROWS_AS(file.rule("lengths", {{"file", "/no/such.py:f"}}), FileError);
  CHECK_THROWS_AS(file.rule("lengths", {{"file", "rewards.py"}}), ConfigError);
  CHECK_THROWS_WITH(file.rule("lengths", {{"interpreter", "/no/python"}}),
                    Catch::Contains("/no/python: cannot be started"));
}
