#include <fmt/format.h>
#include <unistd.h>

#include "base/error.h"
#include "rewards/code/fenced_block.h"
#include "rewards/code/output_match.h"
#include "rewards/code/test_cases.h"
#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"
#include "tests/support/skip.h"

using namespace gradus;
using namespace gradus::rewards;
using namespace gradus::rewards::code;
using nlohmann::json;

namespace {

std::string block(const std::string& source, const std::string& language = "python") {
  return "Here:\n```" + language + "\n" + source + "\n```\nDone.";
}

Grade grade_of(const json& options, const std::string& completion, const json& row) {
  return grades_of(*make_rule("code", options), {completion}, row)[0];
}

std::string verdict(RewardRule& rule, const std::string& source, const json& row) {
  const Grade grade = grades_of(rule, {block(source)}, row)[0];
  CAPTURE(source, grade.reason);
  REQUIRE(grade.outcome == GradeOutcome::scored);
  const std::string word = grade.details.at("verdicts").back();
  CHECK((word == "ok") == (grade.value == 1.0));
  return word;
}

}  // namespace

TEST_CASE("the last fenced block of the language is the program", "[rewards][code]") {
  const std::vector<std::string> python{"python", "py"};
  CHECK(last_fenced_block("```python\na\n```\n```py\nb\n```", python) == "b\n");
  CHECK(last_fenced_block("```python\na\n```\n```\noutput\n```\n", python) == "a\n");
  CHECK(last_fenced_block("```\na\n```", python) == "a\n");
  CHECK(last_fenced_block("```Python title=x\na\n```", python) == "a\n");
  CHECK(last_fenced_block("````python\n```\nin\n```\n````", python) == "```\nin\n```\n");
  CHECK(last_fenced_block("~~~python\na\n~~~", python) == "a\n");
  CHECK_FALSE(last_fenced_block("```python\nunclosed", python));
  CHECK_FALSE(last_fenced_block("no code, only ```inline``` text", python));
  CHECK_FALSE(last_fenced_block("```cpp\nint main(){}\n```", python));
  CHECK(last_fenced_block("```python\n```", python) == "");
  CHECK(last_fenced_block("1. so\n   ```python\n   if a:\n     b\n  c\n\n   ```", python) ==
        "if a:\n  b\nc\n\n");
}

TEST_CASE("the block that defines the function is the program, not the example behind it",
          "[rewards][code]") {
  const std::vector<std::string> python{"python", "py"};
  const std::string text =
      "```python\ndef add(a, b):\n  return a + b\n```\nUse it:\n```python\nprint(add(1, 2))\n```";
  CHECK(block_defining(text, python, "add") == "def add(a, b):\n  return a + b\n");
  CHECK(block_defining(text, python, "sub") == "print(add(1, 2))\n");
  CHECK(block_defining(text, python, "") == "print(add(1, 2))\n");
  CHECK(block_defining("```\ndef f():\n  pass\n```\n```python\nf()\n```", python, "f") ==
        "def f():\n  pass\n");
  CHECK(block_defining("```python\nf = len\n```\n```python\nf == len\n```", python, "f") ==
        "f = len\n");
  CHECK(called_in_assert("x = 1\nassert add(1, 2) == 3") == "add");
  CHECK(called_in_assert("assert not is_odd(2)") == "is_odd");
  CHECK(called_in_assert("assert x == 3").empty());
}

TEST_CASE("a prompt's imports go with the program", "[rewards][code]") {
  CHECK(imports_of("from typing import List\nimport math\n\ndef f(x: List[int]):\n  import os\n") ==
        "from typing import List\nimport math\n");
  CHECK(imports_of("import the data from the file. Then sort it.").empty());
  CHECK(imports_of("from __future__ import annotations\nimport math").empty());
}

TEST_CASE("an output of null is None for a function and nothing for a program", "[rewards][code]") {
  const json calls{{"tests", {{"inputs", {"1"}}, {"outputs", {nullptr}}, {"fn_name", "f"}}}};
  const TestCases of_function = tests_of(calls, "");
  REQUIRE(of_function.tests.size() == 1);
  CHECK(of_function.tests[0].value.is_null());
  const json programs{{"tests", {{"inputs", {"1", "2"}}, {"outputs", {nullptr, "2"}}}}};
  const TestCases of_program = tests_of(programs, "");
  REQUIRE(of_program.tests.size() == 1);
  CHECK(of_program.tests[0].expected == "2");
}

TEST_CASE("outputs are compared token by token", "[rewards][code]") {
  CHECK(output_difference("1 2\n3\n", " 1\n2 3", 1e-6).empty());
  CHECK(output_difference("0.3333333", "0.33333330001", 1e-6).empty());
  CHECK(output_difference("1e3", "1000", 1e-6).empty());
  CHECK(output_difference("1", "2", 1e9) == "token 1 is 1");
  CHECK(output_difference("100000000000000000001", "100000000000000000002", 1e-6) != "");
  CHECK(output_difference("1 2", "1 2 3", 1e-6) == "the output ends after 2 tokens");
  CHECK(output_difference("1 2 3", "1 2", 1e-6) == "the output goes on after 2 tokens");
  CHECK(output_difference("", "1", 1e-6) == "the output ends after 0 tokens");
  CHECK(output_difference("nan", "nan", 1e-6).empty());
  CHECK(output_difference("0.1", "0.10", 0) != "");
}

TEST_CASE("tests are read in the forms of the known data sets", "[rewards][code]") {
  const auto kind = [](const json& row) {
    const TestCases cases = tests_of(row, "");
    CAPTURE(row.dump(), cases.fault);
    REQUIRE(cases.fault.empty());
    return cases.tests.back();
  };
  CHECK(kind({{"tests", {{{"input", "1"}, {"output", "2"}}}}}).expected == "2");
  const json apps{{"input_output", R"({"inputs": [[1, [2]]], "outputs": [[3]], "fn_name": "f"})"}};
  CHECK(kind(apps).kind == TestCase::Kind::call);
  CHECK(kind(apps).arguments == json::parse("[1, [2]]"));
  CHECK(kind(apps).may_be_wrapped);
  const json open_r1{
      {"verification_info",
       {{"language", "python"},
        {"test_cases", {{{"input", "a"}, {"output", "b"}, {"type", "stdin_stdout"}}}}}}};
  CHECK(kind(open_r1).input == "a");
  CHECK(kind({{"test_list", {"assert f(1) == 2"}}}).kind == TestCase::Kind::script);
  CHECK(
      kind({{"test", "def check(candidate):\n  assert candidate(1)"}, {"entry_point", "f"}}).kind ==
      TestCase::Kind::check);
  const json lines{{"tests", {{{"input", "[1, 2]\n3"}, {"output", "5"}, {"fn_name", "f"}}}}};
  CHECK(kind(lines).arguments == json::parse("[[1, 2], 3]"));
  CHECK(kind(lines).value == 5);
  CHECK(kind({{"reward_model", {{"ground_truth", R"({"inputs":["1"],"outputs":["2"]})"}}}}).input ==
        "1");
  CHECK(tests_of({{"a", {{"b", {"assert f(1) == 2"}}}}}, "a.b").tests.size() == 1);
  CHECK(tests_of({{"x", 1}}, "").fault == "the row has no tests");
  CHECK(tests_of({{"tests", json::array()}}, "").fault == "there is no test");
  CHECK_FALSE(tests_of({{"tests", {{{"input", "1"}}}}}, "").fault.empty());
  CHECK_FALSE(tests_of({{"tests", {{"inputs", {1, 2}}, {"outputs", {1}}}}}, "").fault.empty());
}

TEST_CASE("programs are judged by what they print", "[rewards][code]") {
  const auto rule = make_rule("code", {{"timeout_s", 1.0}, {"memory_mb", 256}});
  const json row{{"tests", {{{"input", "2 3\n"}, {"output", "5\n"}}}}};
  CHECK(verdict(*rule, "a, b = map(int, input().split())\nprint(a + b)", row) == "ok");
  CHECK(verdict(*rule, "import sys\nprint(sum(map(int, open('/dev/stdin').read().split())))",
                row) == "ok");
  CHECK(verdict(*rule, "print(6)", row) == "wrong");
  CHECK(verdict(*rule, "print(5)\nprint(5)", row) == "wrong");
  CHECK(verdict(*rule, "pass", row) == "wrong");
  CHECK(verdict(*rule, "while True: pass", row) == "timeout");
  CHECK(verdict(*rule, "import time\ntime.sleep(100)", row) == "timeout");
  CHECK(verdict(*rule, "x = bytearray(10**9)", row) == "memory");
  CHECK(verdict(*rule, "print(5)\nimport os\nos.abort()", row) == "crash");
  CHECK(verdict(*rule, "print(5)\nraise ValueError", row) == "crash");
  CHECK(verdict(*rule, "print(5", row) == "compile");
  CHECK(verdict(*rule, "while True: print('x' * 10000)", row) == "wrong");
  CHECK(grades_of(*rule, {"no program"}, row)[0].details.at("verdicts")[0] == "no_code");
  CHECK(grades_of(*rule, {block("pass")}, json::object())[0].outcome == GradeOutcome::skipped);
}

TEST_CASE("functions are judged by their values, in another process", "[rewards][code]") {
  const auto rule = make_rule("code", {{"timeout_s", 1.0}});
  const json calls{{"tests", {{{"input", {1, 2}}, {"output", 3}, {"fn_name", "add"}}}}};
  CHECK(verdict(*rule, "def add(a, b): return a + b", calls) == "ok");
  CHECK(verdict(*rule, "class Solution:\n  def add(self, a, b): return a + b + 0.0", calls) ==
        "ok");
  CHECK(verdict(*rule, "def add(a, b): return 4", calls) == "wrong");
  CHECK(verdict(*rule, "def other(): pass", calls) == "crash");
  CHECK(verdict(*rule, "def add(a, b): raise ValueError('x')", calls) == "crash");
  CHECK(verdict(*rule, "def add(a, b):\n  while True: pass", calls) == "timeout");
  CHECK(verdict(*rule, "def add(a, b: return", calls) == "compile");
  CHECK(verdict(*rule, "def add(a, b): return len(bytearray(10**9))", calls) == "memory");
  CHECK(verdict(*rule, "def add(a, b):\n  import os\n  os.kill(os.getpid(), 9)", calls) == "crash");
  const json asserts{{"test_list",
                      {"assert f([3, 1, 2]) == (1, 2, 3)", "assert abs(f([1.5])[0] - 1.5) < 1e-9",
                       "x = [2, 1]; f(x); assert x == [1, 2]"}}};
  CHECK(verdict(*rule, "def f(l):\n  l.sort()\n  return tuple(l)", asserts) == "ok");
  CHECK(verdict(*rule, "def f(l): return tuple(sorted(l))", asserts) == "wrong");
  const json check{
      {"test",
       "def check(candidate):\n  for i in range(5):\n    assert candidate(i) == i * i\n"
       "  try:\n    candidate(-1)\n    assert False\n  except ValueError: pass\n"},
      {"entry_point", "square"}};
  CHECK(verdict(*rule, "def square(n):\n  if n < 0: raise ValueError(n)\n  return n * n", check) ==
        "ok");
  CHECK(verdict(*rule, "def square(n): return n * n", check) == "wrong");
  const json objects{
      {"tests", {"s = Stack()\ns.push(1)\ns.push(2)\nassert s.pop() == 2\nassert len(s) == 1"}}};
  CHECK(
      verdict(
          *rule,
          "class Stack:\n  def __init__(self): self.a = []\n  def push(self, x): self.a.append(x)\n"
          "  def pop(self): return self.a.pop()\n  def __len__(self): return len(self.a)",
          objects) == "ok");
}

TEST_CASE("numbers and dates of the standard library reach the tests", "[rewards][code]") {
  const auto rule = make_rule("code", {{"timeout_s", 2.0}});
  const auto verdict_on = [&](const std::string& program, const std::string& test) {
    return verdict(*rule, program, {{"test_list", {test}}});
  };
  CHECK(verdict_on("from decimal import Decimal\ndef f(): return Decimal('1.5')",
                   "assert f() == 1.5") == "ok");
  CHECK(verdict_on("from fractions import Fraction\ndef f(): return [Fraction(1, 2)]",
                   "assert f() == [0.5]") == "ok");
  const std::string dates = "from datetime import *\n";
  CHECK(verdict_on(dates + "def f(): return date(2020, 1, 2), datetime(2020, 1, 2, 3)",
                   dates + "assert f() == (date(2020, 1, 2), datetime(2020, 1, 2, 3))") == "ok");
  CHECK(verdict_on(dates + "def f(d): return d + timedelta(days=1)",
                   dates + "assert f(date(2020, 2, 28)) == date(2020, 2, 29)") == "ok");
  CHECK(verdict_on("class Decimal:\n  __module__ = 'decimal'\n  def __eq__(s, o): return True\n"
                   "def f(): return Decimal()",
                   "assert f() == 1.5") == "wrong");
  CHECK(verdict_on("def f(): yield from (1, 2)", "g = f()\nassert (next(g), next(g)) == (1, 2)") ==
        "ok");
  // The parameter of `check` is not the global f.
  const json calls_itself{{"test", "def check(f):\n  assert f(1) == 1\n\ncheck(f)"},
                          {"entry_point", "f"}};
  CHECK(verdict(*rule, "def f(x): return x", calls_itself) == "ok");
  CHECK(verdict(*rule, "def f(x): return 2", calls_itself) == "wrong");
}

TEST_CASE("a program cannot pay itself", "[rewards][code][hacking]") {
  const auto rule = make_rule("code", {{"timeout_s", 1.0}});
  const json asserts{{"test_list", {"assert f(1) == 41 + 1"}}};
  for (const char* cheat : {
           "class Yes:\n  def __eq__(self, other): return True\ndef f(x): return Yes()",
           "class Yes(int):\n  def __eq__(self, other): return True\ndef f(x): return Yes(3)",
           "import sys\ndef f(x): sys.exit(0)",
           "import os\nos._exit(0)",
           "import os\ndef f(x):\n  os.write(3, b'{\"verdict\": \"ok\"}\\n')\n  return 1",
           "import builtins\nbuiltins.AssertionError = ValueError\ndef f(x): return 1",
           "import sys\ndef f(x):\n  for o in list(globals().values()): pass\n"
           "  frame = sys._getframe()\n  while frame: frame = frame.f_back\n  return 1",
           "def f(x):\n  import glob\n  return len(glob.glob('/tmp/*test*'))",
       }) {
    CAPTURE(cheat);
    const Grade grade = grades_of(*rule, {block(cheat)}, asserts)[0];
    CHECK(grade.outcome == GradeOutcome::scored);
    CHECK(grade.value == 0.0);
  }
  const json io{{"tests", {{{"input", ""}, {"output", "secret"}}}}};
  CHECK(grades_of(*rule,
                  {block("import os\nfor d, _, fs in os.walk('/tmp'):\n  for f in fs:\n"
                         "    print(open(os.path.join(d, f)).read())")},
                  io)[0]
            .value == 0.0);
}

TEST_CASE("rewards are all, a share, or the first ten's share", "[rewards][code]") {
  json tests = json::array();
  for (int i = 0; i < 12; ++i) tests.push_back({{"input", std::to_string(i)}, {"output", "1"}});
  const json row{{"tests", tests}};
  const std::string half = block("print(1 if int(input()) % 2 else 0)");
  CHECK(grade_of({{"score", "share"}}, half, row).value == 0.5);
  CHECK(grade_of({{"score", "first10"}}, half, row).value == 0.5);
  CHECK(grade_of({{"score", "all"}}, half, row).value == 0.0);
  const std::string last = block("print(1 if int(input()) < 11 else 0)");
  CHECK(grade_of({{"score", "share"}}, last, row).value == Approx(11.0 / 12));
  CHECK(grade_of({{"score", "first10"}}, last, row).value == 1.0);
  CHECK(grade_of({{"score", "share"}, {"max_tests", 11}}, last, row).value == 1.0);
  CHECK(grade_of({{"no_code", -1.0}}, "none", row).value == -1.0);
}

TEST_CASE("every language reads, prints, fails and is stopped", "[rewards][code]") {
  struct Programs {
    const char* language;
    const char* tool;
    const char* right;
    const char* broken;
    const char* broken_verdict;
    const char* endless;
    const char* greedy = nullptr;  // takes memory for ever
  };
  const auto programs = GENERATE(
      Programs{"cpp", "g++", "#include <iostream>\nint main(){int n;std::cin>>n;std::cout<<n+1;}",
               "int main({", "compile", "int main(){for(volatile int i=0;;)i=1;}"},
      Programs{"c", "gcc",
               "#include <stdio.h>\nint main(void){int n;scanf(\"%d\",&n);printf(\"%d\\n\",n+1);}",
               "int main({", "compile", "int main(void){for(volatile int i=0;;)i=1;}"},
      Programs{"javascript", "node",
               "const n = Number(require('fs').readFileSync(0));\nconsole.log(n + 1);",
               "console.log(", "crash", "for (;;) {}",
               "const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1));"},
      Programs{"bash", "bash", "read n; echo $((n + 1))", "exit 3", "crash",
               "while :; do :; done"});
  const std::string tool = programs.tool;
  if (::access(("/usr/bin/" + tool).c_str(), X_OK) != 0) {
    tests::skip("no " + tool);
    return;
  }
  const std::string language = programs.language;
  const auto rule =
      make_rule("code", {{"language", language}, {"score", "share"}, {"timeout_s", 1.0}});
  const json row{{"tests", {{{"input", "1"}, {"output", "2"}}, {{"input", "5"}, {"output", "6"}}}}};
  const auto judged = [&](const char* source) {
    const Grade grade = grades_of(*rule, {block(source, language)}, row)[0];
    CAPTURE(language, source, grade.reason, grade.details.dump());
    REQUIRE(grade.outcome == GradeOutcome::scored);
    return fmt::format("{} {}", grade.value, std::string(grade.details.at("verdicts")[0]));
  };
  CHECK(judged(programs.right) == "1 ok");
  CHECK(judged(programs.broken) == std::string("0 ") + programs.broken_verdict);
  CHECK(judged(programs.endless) == "0 timeout");
  if (programs.greedy != nullptr) {
    // Without namespaces nobody watches the memory of a program that has no limit of addresses.
    const bool is_watched = strongest_isolation() == std::string("full");
    CHECK(judged(programs.greedy) == (is_watched ? "0 memory" : "0 timeout"));
  }
}

TEST_CASE("an unknown language is named with the nearest", "[rewards][code]") {
  CHECK_THROWS_WITH(make_rule("code", {{"language", "pyton"}}),
                    Catch::Contains("did you mean \"python\"?"));
}

TEST_CASE("a row's checker decides where several outputs are right", "[rewards][code]") {
  const std::string checker =
      "import sys\n"
      "want = int(open(sys.argv[1]).read())\n"
      "ours = [int(word) for word in open(sys.argv[3]).read().split()]\n"
      "print(1 if len(ours) == 2 and sum(ours) == want else 0)\n";
  json row{{"tests", {{{"input", "5"}, {"output", "2 3"}}}}, {"generated_checker", checker}};
  const auto grade = [&](const std::string& source) {
    return grade_of({{"isolation", "weak"}}, block(source), row);
  };
  CHECK(grade("print(2, 3)").value == 1.0);
  CHECK(grade("print(1, 4)").value == 1.0);
  CHECK(grade("print(1, 5)").value == 0.0);
  const Grade unreadable = grade("print('what')");  // the checker breaks off with an error
  CHECK(unreadable.outcome == GradeOutcome::scored);
  CHECK(unreadable.value == 0.0);
  CHECK_THAT(unreadable.reason, Catch::Contains("checker"));
  CHECK(grade("raise SystemExit(3)").details.at("verdicts").back() == "crash");
  row["generated_checker"] = "raise ValueError('broken')";
  CHECK(grade("print(2, 3)").value == 1.0);
  const Grade broken = grade("print(1, 4)");
  CHECK(broken.outcome == GradeOutcome::failed);
  CHECK_THAT(broken.reason, Catch::Contains("does not accept the expected output"));
  row["generated_checker"] = nullptr;
  CHECK(grade("print(1, 4)").value == 0.0);
}
