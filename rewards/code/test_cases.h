#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rewards::code {

/// One test of a program.
struct TestCase {
  enum class Kind {
    io,      // `input` on stdin, `expected` on stdout
    call,    // function(*arguments) equals `value`
    script,  // Python statements with assert
    check    // Python that defines check(candidate), called with `function`
  };
  Kind kind = Kind::io;
  std::string input;
  std::string expected;
  std::string function;
  nlohmann::json arguments = nlohmann::json::array();
  nlohmann::json value;
  bool may_be_wrapped = false;  // APPS: the value may stand in a list of one
  std::string source;           // script, check
  std::string setup;            // Python run before `source`
};

struct TestCases {
  std::vector<TestCase> tests;
  std::string fault;  // why there are none; then `tests` is empty
};

/// The f of the first "assert f(...)" or "assert not f(...)"; empty: there is none.
std::string called_in_assert(std::string_view source);

/// The tests of a data row, in the forms of the known data sets:
///
///   [{"input": text, "output": text}, ...]                 stdin and stdout
///   [{"input": [arguments], "output": value, "fn_name": f}] a function (also type "functional";
///                                                          text input: a JSON value a line)
///   {"inputs": [...], "outputs": [...], "fn_name": f?}     APPS, TACO, PRIME
///   {"test_cases": [...]}                                  open-r1
///   ["assert f(1) == 2", ...]                              MBPP; row.test_setup_code runs before
///   "def check(candidate): ..."                            HumanEval; row.entry_point is the name
///   "assert ...\nassert ..."                               Python
///
/// An output that is null is the None of a function; of a program nobody recorded what it prints,
/// and the test is left out.
/// any of them also as JSON in a text. `key` names the column; empty: the first there is of tests,
/// test_cases, input_output, verification_info, test_list, test, reward_model.ground_truth,
/// ground_truth.
TestCases tests_of(const nlohmann::json& row, const std::string& key);

}  // namespace gradus::rewards::code
