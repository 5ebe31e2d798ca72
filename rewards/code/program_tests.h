#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "rewards/code/language.h"
#include "rewards/code/test_cases.h"
#include "rewards/sandbox/sandbox.h"

namespace gradus::rewards::code {

enum class Verdict { ok, wrong, timeout, memory, crash, compile };

const char* verdict_name(Verdict verdict);

struct TestResult {
  Verdict verdict = Verdict::ok;
  std::string reason;
  std::optional<std::string> output{};  ///< of a program that ended well and printed otherwise
};

struct ProgramLimits {
  double timeout_s = 5;  // CPU seconds of one test, rounded up; by the clock twice as long and 1 s
  double compile_timeout_s = 30;
  uint64_t memory_bytes = uint64_t{512} << 20;
  uint64_t scratch_bytes = uint64_t{64} << 20;
  uint64_t num_processes = 32;
  double tolerance = 1e-6;  // of floating-point numbers in outputs and values
};

/// Runs the model's programs against tests. Each test is a process of its own in a sandbox of its
/// own: no program sees what another left. What is expected is never in the sandbox of the program:
/// outputs are compared here; in tests of functions a second sandbox, the judge, runs the tests'
/// code and asks the program's process for values, so that a program which patches `==`, exits
/// with status 0 or prints verdicts gains nothing. Messages are bounded: a program's by 1 MiB or
/// four times the test, whatever is more. Any thread may call.
class ProgramTests {
 public:
  ProgramTests(std::shared_ptr<const sandbox::Sandbox> sandbox, Language language,
               ProgramLimits limits)
      : sandbox_(std::move(sandbox)), language_(std::move(language)), limits_(limits) {}

  /// Once `stop` is requested programs end at once; what is returned then says nothing of them.
  void stop_with(std::stop_token stop) { stop_ = std::move(stop); }

  /// A program ready to be run: its files.
  struct Program {
    std::vector<sandbox::PlannedFile> files;
  };

  /// Compiles, where the language asks for it.
  /// @return the fault that the compiler found, or nothing.
  /// @throws PeerError  the machine cannot run the compiler.
  std::optional<TestResult> prepare(const std::string& source, Program& program) const;

  /// @throws PeerError  the machine cannot run the program: that is no verdict.
  TestResult run(const Program& program, const TestCase& test) const;

  /// Seconds by the clock after which a test is stopped.
  double wall_s() const { return 2 * limits_.timeout_s + 1; }

 private:
  class Judged;

  sandbox::SandboxConfig process(const Program& program) const;
  std::unique_ptr<sandbox::SandboxedProcess> start(const sandbox::SandboxConfig& config) const;
  TestResult run_io(const Program& program, const TestCase& test) const;
  TestResult run_judged(const Program& program, const TestCase& test) const;

  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  Language language_;
  ProgramLimits limits_;
  std::stop_token stop_;
};

}  // namespace gradus::rewards::code
