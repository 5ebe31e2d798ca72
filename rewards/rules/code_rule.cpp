// Rule `code`: the last fenced program of the completion against the row's tests.
//
//   all     1 if every test is ok, else 0
//   share   tests that are ok / tests
//   first10 1 if every test is ok, else the share of the first ten (PRIME, SandboxFusion)
//
// Verdicts of a test: ok, wrong, timeout, memory, crash, compile (code/program_tests.h); each test
// is a process of its own behind the sandbox's wall, and what is expected is never in reach of the
// program. Forms of tests: code/test_cases.h. Without tests the row is skipped; without a program
// the reward is no_code, with one that does not compile no_compile. The details hold the verdicts.
// All tests of a completion together have the clock limit of four, and a quarter second for each:
// what is not run by then is a timeout. Where the machine cannot run a program the grade is failed.

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/printable.h"
#include "rewards/code/checker.h"
#include "rewards/code/fenced_block.h"
#include "rewards/code/program_tests.h"
#include "rewards/code/test_cases.h"
#include "rewards/rule_record.h"
#include "rewards/rules/reference.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

enum class Score { all, share, first_ten };

struct CodeConfig {
  std::string language = "python";
  std::string tests;
  std::string checker = "generated_checker";
  Score score = Score::all;
  int max_tests = 0;
  double timeout_s = 5.0;
  double compile_timeout_s = 30.0;
  int memory_mb = 512;
  int scratch_mb = 64;
  int num_processes = 32;
  double tolerance = 1e-6;
  double no_code = 0.0;
  double no_compile = 0.0;
  std::string interpreter = "python3";
  sandbox::Isolation isolation = sandbox::Isolation::full;
};

template <class Field>
void describe(CodeConfig& c, Field&& field) {
  field("language", c.language, non_empty(), "python, cpp, c, javascript or bash");
  field("tests", c.tests, any(), "column of the tests; empty: the first known one");
  field("checker", c.checker, any(),
        "column with a Python program that prints 1 where another output than the expected one is "
        "right, called with the files of input, expected output and output; empty: none");
  field(
      "score", c.score,
      one_of<Score>({{"all", Score::all}, {"share", Score::share}, {"first10", Score::first_ten}}),
      "1 for all tests; their share; or all, else the share of the first ten");
  field("max_tests", c.max_tests, at_least(0), "tests of a row that are run; 0: all");
  field("timeout_s", c.timeout_s, positive(),
        "CPU seconds of a test (by the clock: twice and 1 s)");
  field("compile_timeout_s", c.compile_timeout_s, positive(), "CPU seconds of the compiler");
  field("memory_mb", c.memory_mb, at_least(16), "memory of a test's processes together");
  field("scratch_mb", c.scratch_mb, at_least(1), "size of a program's own /tmp; counts as memory");
  field("num_processes", c.num_processes, between(1, 4096), "processes and threads of a test");
  field("tolerance", c.tolerance, at_least(0.0), "of fractions, relative, absolute below 1");
  field("no_code", c.no_code, any(), "reward without a fenced program");
  field("no_compile", c.no_compile, any(), "reward of a program that does not compile");
  field("interpreter", c.interpreter, non_empty(), "Python program, for language = \"python\"");
  field("isolation", c.isolation,
        one_of<sandbox::Isolation>(
            {{"full", sandbox::Isolation::full}, {"weak", sandbox::Isolation::weak}}),
        "full: refused where the machine cannot isolate fully; weak: what the machine gives");
}

code::ProgramLimits limits_of(const CodeConfig& options) {
  code::ProgramLimits limits;
  limits.timeout_s = options.timeout_s;
  limits.compile_timeout_s = options.compile_timeout_s;
  limits.memory_bytes = static_cast<uint64_t>(options.memory_mb) << 20;
  limits.scratch_bytes = static_cast<uint64_t>(options.scratch_mb) << 20;
  limits.num_processes = static_cast<uint64_t>(options.num_processes);
  limits.tolerance = options.tolerance;
  return limits;
}

// What all tests of a completion may take by the clock.
constexpr double kTestsOfBudget = 4;
constexpr double kSecondsOfEach = 0.25;

class CodeRule final : public RewardRule {
 public:
  CodeRule(std::string name, CodeConfig options, const std::string& where)
      : name_(std::move(name)),
        options_(std::move(options)),
        sandbox_(std::make_shared<const sandbox::Sandbox>(options_.isolation)),
        language_(code::find_language(options_.language, options_.interpreter, where)),
        programs_(sandbox_, language_, limits_of(options_)),
        where_(where) {}

  std::string name() const override { return name_; }

  std::vector<Grade> grade(std::span<const RewardInput> group) override {
    std::vector<Grade> grades;
    for (const RewardInput& input : group) {
      Grade grade = stop_.stop_requested() ? failed(kStopped) : safe_grade(input);
      if (stop_.stop_requested()) grade = failed(kStopped);  // of a program that was broken off
      grades.push_back(std::move(grade));
    }
    return grades;
  }

  void stop_with(const std::stop_token& stop) override {
    stop_ = stop;
    programs_.stop_with(stop);
    const std::lock_guard lock(checker_mutex_);
    if (checker_) checker_->stop_with(stop);
  }

  std::vector<std::string> notices() const override {
    if (sandbox_->rung() == sandbox::Rung::namespaces) return {};
    return {"rule " + name_ +
            ": the model's programs run behind a weaker wall than full isolation (" +
            sandbox_->probe().description() + "), as its setting isolation = \"weak\" allows"};
  }

 private:
  /// One completion whose programs cannot be started (no process, no descriptor is left) is a
  /// failed grade, not the end of the run.
  Grade safe_grade(const RewardInput& input) const {
    try {
      return grade_one(input);
    } catch (const Error& error) {
      return failed(error.what());
    }
  }

  Grade grade_one(const RewardInput& input) const {
    if (input.row == nullptr) return skipped("there is no row with tests");
    code::TestCases cases = code::tests_of(*input.row, options_.tests);
    if (!cases.fault.empty()) return skipped("no tests: " + cases.fault);
    if (options_.max_tests > 0 && cases.tests.size() > static_cast<size_t>(options_.max_tests)) {
      cases.tests.resize(static_cast<size_t>(options_.max_tests));
    }
    const std::string function = wanted_function(cases.tests);
    auto source = code::block_defining(input.completion, language_.fences, function);
    if (!source) return with_verdict(options_.no_code, "no_code", "there is no fenced program");
    if (!function.empty() && options_.language == "python") add_imports(*input.row, *source);
    code::ProgramTests::Program program;
    if (const auto fault = programs_.prepare(*source, program)) {
      return with_verdict(options_.no_compile, "compile", fault->reason);
    }
    return run_tests(program, cases.tests, checker_of(*input.row));
  }

  /// The row's checker; empty: what is expected is the only right output.
  std::string checker_of(const json& row) const {
    const json* checker = options_.checker.empty() ? nullptr : value_at(&row, options_.checker);
    return checker != nullptr && checker->is_string() ? checker->get<std::string>() : std::string();
  }

  /// One test, and where its output is another than the expected one what the checker says.
  code::TestResult run_test(const code::ProgramTests::Program& program, const code::TestCase& test,
                            const std::string& checker) const {
    code::TestResult result = programs_.run(program, test);
    if (!result.output || checker.empty()) return result;
    return output_checker().check(checker, test, *result.output);
  }

  /// Made for the first row that has a checker: other recipes need no Python.
  const code::OutputChecker& output_checker() const {
    const std::lock_guard lock(checker_mutex_);
    if (!checker_) {
      checker_.emplace(sandbox_, options_.interpreter, limits_of(options_), where_);
      checker_->stop_with(stop_);
    }
    return *checker_;
  }

  /// The function that the tests call; empty: they run the program.
  static std::string wanted_function(const std::vector<code::TestCase>& tests) {
    for (const code::TestCase& test : tests) {
      if (!test.function.empty()) return test.function;
      if (test.kind != code::TestCase::Kind::script) continue;
      if (std::string called = code::called_in_assert(test.source); !called.empty()) return called;
    }
    return "";
  }

  /// HumanEval's prompts import what their signatures name, and completions rarely do so again.
  static void add_imports(const json& row, std::string& source) {
    const auto prompt = row.find("prompt");
    if (prompt == row.end() || !prompt->is_string()) return;
    if (source.find("from __future__") != std::string::npos) return;
    source.insert(0, code::imports_of(prompt->get_ref<const std::string&>()));
  }

  Grade run_tests(const code::ProgramTests::Program& program,
                  const std::vector<code::TestCase>& tests, const std::string& checker) const {
    json verdicts = json::array();
    std::string reason;
    size_t num_ok = 0;
    size_t num_ok_of_ten = 0;
    const double budget_s =
        kTestsOfBudget * programs_.wall_s() + kSecondsOfEach * static_cast<double>(tests.size());
    const sandbox::Deadline deadline = sandbox::deadline_in(budget_s);
    for (size_t i = 0; i < tests.size() && !stop_.stop_requested(); ++i) {
      const bool is_late = std::chrono::steady_clock::now() > deadline;
      const code::TestResult result =
          is_late ? not_run(budget_s) : run_test(program, tests[i], checker);
      verdicts.push_back(code::verdict_name(result.verdict));
      const bool is_ok = result.verdict == code::Verdict::ok;
      num_ok += is_ok ? 1 : 0;
      num_ok_of_ten += is_ok && i < 10 ? 1 : 0;
      if (!is_ok && reason.empty()) {
        reason = "test " + std::to_string(i + 1) + ": " + code::verdict_name(result.verdict) +
                 (result.reason.empty() ? "" : ": " + result.reason);
      }
      // What does not compile does so in every test.
      if (result.verdict == code::Verdict::compile) {
        return with_verdict(options_.no_compile, "compile", result.reason);
      }
      if (num_ok <= i && is_decided(i)) break;
    }
    Grade grade = scored(value_of(num_ok, num_ok_of_ten, tests.size()));
    grade.reason = reason;
    grade.details = {{"verdicts", std::move(verdicts)}, {"tests", tests.size()}, {"ok", num_ok}};
    return grade;
  }

  static code::TestResult not_run(double budget_s) {
    return {code::Verdict::timeout,
            "was not run: the tests before it took " + number_text(budget_s) + " s"};
  }

  /// After a fault in the tests up to `i` the rest cannot change the reward.
  bool is_decided(size_t i) const {
    return options_.score == Score::all || (options_.score == Score::first_ten && i >= 9);
  }

  double value_of(size_t num_ok, size_t num_ok_of_ten, size_t num_tests) const {
    if (num_ok == num_tests) return 1.0;
    if (options_.score == Score::all) return 0.0;
    if (options_.score == Score::share) {
      return static_cast<double>(num_ok) / static_cast<double>(num_tests);
    }
    return static_cast<double>(num_ok_of_ten) /
           static_cast<double>(std::min<size_t>(num_tests, 10));
  }

  static Grade with_verdict(double value, const char* verdict, const std::string& reason) {
    Grade grade = scored(value);
    grade.reason = reason;
    grade.details = {{"verdicts", {verdict}}};
    return grade;
  }

  std::string name_;
  CodeConfig options_;
  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  code::Language language_;
  code::ProgramTests programs_;
  std::string where_;
  std::stop_token stop_;
  mutable std::mutex checker_mutex_;
  mutable std::optional<code::OutputChecker> checker_;
};

std::unique_ptr<RewardRule> make_code_rule(const RewardConfig& config) {
  return std::make_unique<CodeRule>(config.display_name(), read_options<CodeConfig>(config),
                                    source_of(config));
}

}  // namespace

extern const RewardRuleRecord kCodeRule{
    "code", "the last fenced program passes the row's tests, in the sandbox", make_code_rule,
    options_of<CodeConfig>};

}  // namespace gradus::rewards
