// What code that is not ours sends back: each kind of malice is one failed grade.

#include <cstdio>
#include <cstring>

#include "rewards/reply.h"
#include "rewards/reward_rule.h"
#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"

using namespace gradus::rewards;
using nlohmann::json;

namespace {

// Answers a completion with what it says: {N} is the nonce, {DEEP} and {BIG} are made here.
const char* const kAnswers = R"py(
import json, os, sys
for line in sys.stdin:
    request = json.loads(line)
    text = request["completion"].replace("{N}", request["nonce"])
    text = text.replace("{DEEP}", "[" * 100000 + "]" * 100000).replace("{BIG}", "[]," * 700000)
    data = text.encode("utf-8", "surrogateescape").replace(b"{BYTE}", b"\xff") + b"\n"
    while data: data = data[os.write(3, data):]
)py";

std::string program(const std::string& answer) {
  return "```python\nimport os, sys\nf = sys._getframe()\n"
         "while 'request' not in f.f_locals: f = f.f_back\n"
         "n = f.f_locals['request']['nonce']\n"
         "def w(s):\n    s = s.encode()\n    while s: s = s[os.write(3, s):]\n" +
         answer + "\n```";
}

int64_t resident_kb() {
  int64_t kb = 0;
  std::FILE* file = std::fopen("/proc/self/status", "r");
  for (char line[256]; std::fgets(line, sizeof(line), file) != nullptr;) {
    if (std::strncmp(line, "VmRSS:", 6) == 0) std::sscanf(line + 6, "%ld", &kb);
  }
  std::fclose(file);
  return kb;
}

}  // namespace

TEST_CASE("a hostile reply of a plug-in is one failed grade", "[rewards][replies]") {
  const PluginFolder folder;
  const auto rule = make_rule("command", {{"command", {"python3", folder.add("a.py", kAnswers)}}});
  const std::string right = R"({"nonce":"{N}","score":0.25})";
  const std::vector<std::string> hostile{
      R"({"nonce":"{N}","score":1,"details":{DEEP}})",
      R"({"nonce":"{N}","score":{DEEP}})",
      R"({"nonce":"{N}","error":{DEEP}})",
      R"({"nonce":"{N}","score":1,"details":[{BIG}0]})",
      R"({"nonce":"{N}","score":0,"score":1})",
      R"({"nonce":"0","nonce":"{N}","score":1})",
      R"({"nonce":"{N}","score":NaN})",
      R"({"nonce":"{N}","score":Infinity})",
      R"({"nonce":"{N}","score":1e999})",
      R"({"nonce":"{N}","score":1,"reason":"{BYTE}"})",
      R"({"nonce":"{N}","score":1,"reason":"\ud800"})",
      R"({"nonce":"{N}","score":1} {"nonce":"{N}","score":1})",
      R"({"nonce":"{N}","sco)",
      "[[[[",
      "",
  };
  for (const std::string& reply : hostile) {
    CAPTURE(reply);
    const auto grades = grades_of(*rule, {right, reply, right});
    CHECK(grades[0].value == 0.25);
    CHECK(grades[1].outcome == GradeOutcome::failed);
    CHECK_FALSE(grades[1].reason.empty());
    CHECK(grades[2].outcome == GradeOutcome::scored);
    CHECK(grades[2].value == 0.25);
  }
}

TEST_CASE("a program of the model that answers deep or large does not reach the trainer",
          "[rewards][replies]") {
  const auto rule = make_rule("code", json::object());
  const json row{{"tests", {"assert f(1) == 2"}}};
  const std::string loaded = "w('{\"nonce\":\"%s\",\"loaded\":true}\\n' % n)\n";
  const std::vector<std::string> programs{
      program(
          "d = '[' * 200000 + ']' * 200000\nw('{\"nonce\":\"%s\",\"compile\":%s}\\n' % (n, d))"),
      program(loaded + "d = '[' * 200000 + ']' * 200000\n"
                       "w('{\"nonce\":\"%s\",\"answer\":%s}\\n' % (n, d))"),
      program(loaded + "w('{\"nonce\":\"%s\",\"answer\":[' % n)\nw('[],' * 9000000 + '0]}\\n')"),
      program(loaded + "w('{\"nonce\":\"%s\",\"answer\":\"' % n)\nw('x' * 9000000 + '\"}\\n')"),
  };
  const int64_t before = resident_kb();
  for (const Grade& grade : grades_of(*rule, programs, row)) {
    CHECK(grade.value == 0.0);
    CHECK(grade.details["verdicts"] == json{"crash"});
  }
  CHECK(resident_kb() - before < 50'000);
}

TEST_CASE("a program that floods the reply channel meanwhile grows nothing", "[rewards][replies]") {
  const auto rule = make_rule("code", {{"timeout_s", 2}});
  const json row{{"tests", {{{"input", ""}, {"output", "42"}}}}};
  const int64_t before = resident_kb();
  const auto grades = grades_of(*rule,
                                {"```python\nimport os\nfor i in range(2000):\n"
                                 "    os.write(3, b'x' * 65536)\nprint(42)\n```"},
                                row);
  CHECK(grades[0].value == 1.0);
  CHECK(resident_kb() - before < 20'000);
}

TEST_CASE("tests that nobody can read are told, not guessed at", "[rewards][replies]") {
  const auto rule = make_rule("code", json::object());
  const std::string answer = "```python\ndef f(x): return x\n```";
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  for (const json& tests :
       {json(deep), json{{"inputs", {deep}}, {"outputs", {"1"}}, {"fn_name", "f"}},
        json(R"({"inputs": ["1"], "inputs": ["2"], "outputs": ["1"], "fn_name": "f"})")}) {
    const auto grades = grades_of(*rule, {answer}, {{"tests", tests}});
    CHECK(grades[0].outcome == GradeOutcome::skipped);
    CHECK_THAT(grades[0].reason, Catch::Contains("JSON"));
  }
}

TEST_CASE("details are kept within bounds and say where they were cut", "[rewards][replies]") {
  const json fine{{"a", {1, 2.5, nullptr, true, "x"}}};
  CHECK(bounded_details(fine) == fine);
  CHECK(bounded_details(nullptr).is_null());
  json deep = 0;
  for (int i = 0; i < 100'000; ++i) deep = json::array({std::move(deep)});
  const json cut = bounded_details({{"tree", std::move(deep)}, {"kept", 1}});
  CHECK(cut["kept"] == 1);
  CHECK_THAT(cut["details_cut"].get<std::string>(), Catch::Contains("16 levels"));
  const json large = bounded_details({{"text", std::string(100'000, 'x')}});
  CHECK(large.dump().size() < 70'000);
  CHECK(large.contains("details_cut"));
  CHECK(bounded_details(json(std::vector<int>(100'000, 7))).dump().size() < 20'000);
}

TEST_CASE("a function whose record nests deep or is large keeps its score", "[rewards][replies]") {
  const PluginFolder folder;
  const std::string file = folder.add("r.py", R"py(
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    tree = 0
    for i in range(min(int(solution_str), 900)): tree = [tree]
    return {"score": 0.5, "tree": tree, "text": "x" * int(solution_str), "bad": "\ud800"}
)py");
  const auto rule = make_rule("python", {{"file", file + ":compute_score"}});
  for (const Grade& grade : grades_of(*rule, {"70", "900", "50000000"})) {
    INFO(grade.reason);
    CHECK(grade.outcome == GradeOutcome::scored);
    CHECK(grade.value == 0.5);
    CHECK(grade.details.dump().size() < 80'000);
  }
}

TEST_CASE("sleeping tests are bounded for a completion as a whole", "[rewards][replies]") {
  const auto rule = make_rule("code", {{"score", "share"}, {"timeout_s", 0.2}});
  json tests = json::array();
  for (int i = 0; i < 40; ++i) tests.push_back({{"input", ""}, {"output", "1"}});
  const auto grades =
      grades_of(*rule, {"```python\nimport time\ntime.sleep(100)\n```"}, {{"tests", tests}});
  CHECK(grades[0].value == 0.0);
  CHECK(grades[0].details["verdicts"].size() == 40);
  // 4 x 1.4 s, and a quarter second for each; not 40 x 1.4 s.
  CHECK_THAT(grades[0].details["verdicts"].dump(), Catch::Contains("timeout"));
}
