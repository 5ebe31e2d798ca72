#pragma once

#include <string>

#include "rewards/code/program_tests.h"

namespace gradus::rewards::code {

/// Checkers of problems with more right outputs than one: a Python program of the data's row that
/// is called as Codeforces' and open-r1's are,
///
///   checker.py input.txt correct_output.txt solution_output.txt
///
/// and prints 1 where the solution's output is right. It runs in a sandbox of its own, apart from
/// the model's program. Any thread may call.
class OutputChecker {
 public:
  /// @param interpreter  Python.
  OutputChecker(std::shared_ptr<const sandbox::Sandbox> sandbox, const std::string& interpreter,
                ProgramLimits limits, const std::string& where);

  void stop_with(std::stop_token stop) { programs_.stop_with(std::move(stop)); }

  /// Whether the output is right: ok or wrong. A checker that ends otherwise finds it wrong, as
  /// many do with what they cannot read, unless it does not accept the expected output either.
  /// @throws PeerError  that; or the machine cannot run it.
  TestResult check(const std::string& checker, const TestCase& test,
                   const std::string& output) const;

 private:
  TestResult call(const ProgramTests::Program& program, const TestCase& test,
                  const std::string& output) const;

  ProgramTests programs_;
};

}  // namespace gradus::rewards::code
