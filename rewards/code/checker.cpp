#include "rewards/code/checker.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json.h"

namespace gradus::rewards::code {
namespace {

// The texts come on standard input, and are put where the checker looks for them.
constexpr const char* kCaller = R"python(import json, os, sys, tempfile
texts = json.loads(sys.stdin.read())
os.chdir(tempfile.mkdtemp())
names = ["input.txt", "correct_output.txt", "solution_output.txt"]
for name, text in zip(names, texts):
    with open(name, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
sys.argv = ["checker.py"] + names
exec(compile(CHECKER, "checker.py", "exec"), {"__name__": "__main__"})
)python";

}  // namespace

OutputChecker::OutputChecker(std::shared_ptr<const sandbox::Sandbox> sandbox,
                             const std::string& interpreter, ProgramLimits limits,
                             const std::string& where)
    : programs_(std::move(sandbox), find_language("python", interpreter, where), limits) {}

TestResult OutputChecker::call(const ProgramTests::Program& program, const TestCase& test,
                               const std::string& output) const {
  TestCase asked;
  asked.input = dump_json(nlohmann::json::array({test.input, test.expected, output}));
  asked.expected = "1";
  return programs_.run(program, asked);
}

TestResult OutputChecker::check(const std::string& checker, const TestCase& test,
                                const std::string& output) const {
  ProgramTests::Program program;
  // A text of JSON is one of Python's.
  const std::string source = "CHECKER = " + dump_json(nlohmann::json(checker)) + "\n" + kCaller;
  if (const auto fault = programs_.prepare(source, program))
    throw PeerError("the row's checker: " + fault->reason);
  TestResult result = call(program, test, output);
  if (result.verdict == Verdict::ok) return result;
  const bool has_answered = result.verdict == Verdict::wrong;
  if (!has_answered && call(program, test, test.expected).verdict != Verdict::ok)
    throw PeerError("the row's checker does not accept the expected output: " + result.reason);
  return {Verdict::wrong, has_answered ? "the row's checker says that it is wrong"
                                       : "the row's checker cannot read it: " + result.reason};
}

}  // namespace gradus::rewards::code
