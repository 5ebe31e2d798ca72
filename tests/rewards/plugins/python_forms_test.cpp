#include "base/error.h"
#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

TEST_CASE("a function of verl's form gets the row's parts", "[rewards][plugins][python]") {
  const PluginFolder folder;
  folder.add("parts.py", "def half(x): return x / 2\n");
  const std::string file = folder.add("verl.py", R"(
import os
from parts import half
def compute_score(data_source, solution_str, ground_truth, extra_info=None, **kwargs):
    if solution_str == "die": os.abort()
    if solution_str == "raise": raise KeyError("x")
    if solution_str == "bool": return True
    if solution_str == "dict": return {"score": 0.5, "acc": 1}
    if solution_str == "bad": return {"acc": 1}
    if solution_str == "exit": os._exit(0)
    return half(float(data_source == "d" and solution_str == ground_truth and extra_info["i"] == 3))
def batched(data_sources, solution_strs, ground_truths, extra_infos):
    return [float(a == b) for a, b in zip(solution_strs, ground_truths)]
)");
  const auto rule = make_rule("python", {{"file", file + ":compute_score"}});
  const json row{
      {"data_source", "d"}, {"reward_model", {{"ground_truth", "g"}}}, {"extra_info", {{"i", 3}}}};
  const auto grades =
      grades_of(*rule, {"g", "die", "raise", "bool", "dict", "bad", "exit", "g"}, row);
  CHECK(grades[0].value == 0.5);
  CHECK_THAT(grades[1].reason, Catch::Contains("killed by signal 6"));
  CHECK_THAT(grades[2].reason, Catch::Contains("KeyError: 'x' (verl.py:"));
  CHECK(grades[3].value == 1.0);
  CHECK(grades[4].value == 0.5);
  CHECK(grades[4].details.at("acc") == 1);
  CHECK_THAT(grades[5].reason, Catch::Contains("without the key score"));
  CHECK_THAT(grades[6].reason, Catch::Contains("exited with status 0"));
  CHECK(grades[7].value == 0.5);
  const auto batch = make_rule("python", {{"file", file + ":batched"}});
  const auto values = grades_of(*batch, {"g", "h"}, row);
  CHECK(values[0].value == 1.0);
  CHECK(values[1].value == 0.0);
}

TEST_CASE("every call of OpenAI's form is a process of its own", "[rewards][plugins][python]") {
  const PluginFolder folder;
  const std::string file = folder.add("grader.py", R"(
import os, sys, json, time
calls = 0
def grade(sample, item):
    global calls
    calls += 1
    what = sample["output_text"]
    if what == "count": return calls
    if what == "leave":
        open("/tmp/left", "w").write("x")
        if os.fork() == 0:
            os.setsid()
            time.sleep(100)
        return 1
    if what == "left": return float(os.path.exists("/tmp/left")) + 10 * sum(p.isdigit() for p in os.listdir("/proc"))
    if what == "exit": sys.exit(0)
    if what == "hardexit": os._exit(0)
    if what == "nan": return float("nan")
    if what == "none": return None
    if what == "forge":
        for fd in range(3, 64):
            try: os.write(fd, b'{"nonce": "0", "score": 9}\n')
            except OSError: pass
        return 1
    if what == "killparent": os.kill(os.getppid(), 9); time.sleep(5)
    if what == '{"a": 2}': return sample["output_json"]["a"] + item["b"]
    return 0.5
)");
  const auto rule = make_rule("python", {{"file", file + ":grade"}});
  const auto grade = [&](const std::string& text) {
    return grades_of(*rule, {text}, {{"b", 3}})[0];
  };
  CHECK(grade("count").value == 1.0);
  CHECK(grade("count").value == 1.0);
  if (strongest_isolation() == std::string("full")) {  // else /tmp is not its own
    CHECK(grade("leave").value == 1.0);
    CHECK(grade("left").value == 10.0);  // itself: /proc shows no others
  }
  CHECK_THAT(grade("exit").reason, Catch::Contains("SystemExit"));
  CHECK_THAT(grade("hardexit").reason, Catch::Contains("exited with status 0 without a grade"));
  CHECK_THAT(grade("nan").reason, Catch::Contains("must be finite"));
  CHECK(grade("nan").details.at("fault") == "code");
  CHECK(grade("none").outcome == GradeOutcome::skipped);
  CHECK(grade("forge").outcome != GradeOutcome::scored);
  const Grade killed = grade("killparent");
  CHECK(killed.outcome == GradeOutcome::failed);
  CHECK(killed.details.at("fault") == "process");
  CHECK(grade(R"({"a": 2})").value == 5.0);
}

TEST_CASE("a function that does not fit its form is refused", "[rewards][plugins][python]") {
  const PluginFolder folder;
  const auto load = [&](const std::string& source, const json& more = json::object()) {
    json options{{"file", folder.add("grader.py", source) + ":grade"}, {"form", "openai"}};
    options.update(more);
    return make_rule("python", options);
  };
  CHECK_THROWS_WITH(load("def grade(sample, item) return 1"), Catch::Contains("SyntaxError"));
  CHECK_THROWS_WITH(load("x = 1"), Catch::Contains("no function grade"));
  CHECK_THROWS_WITH(load("def grade(sample): return 1"),
                    Catch::Contains("must take (sample, item)"));
  CHECK_THROWS_WITH(load("while True: pass", {{"load_timeout_s", 0.5}}),
                    Catch::Contains("did not answer within 0.5 s"));
}
