#include "rewards/code/test_cases.h"

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/json.h"
#include "base/printable.h"
#include "rewards/reply.h"
#include "rewards/rules/reference.h"

namespace gradus::rewards::code {
namespace {

using nlohmann::json;

// Tests of a row as a text: data sets have some of several megabytes.
constexpr size_t kMaxTestBytes = size_t{64} << 20;

constexpr std::array kOutputKeys{"output", "expected_output", "stdout", "expected"};
constexpr std::array kColumns{"tests",     "test_cases", "input_output", "verification_info",
                              "test_list", "test"};

const json* member(const json& object, const std::string& key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

const json* find_tests(const json& row, const std::string& key) {
  if (!key.empty()) {
    const json* found = value_at(&row, key);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  for (const char* column : kColumns) {
    if (const json* found = member(row, column)) return found;
  }
  if (const json* model = member(row, "reward_model")) {
    if (const json* found = member(*model, "ground_truth")) return found;
  }
  return member(row, "ground_truth");
}

std::string text_member(const json& object, const std::string& key) {
  const json* found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : "";
}

/// Texts as they are, lists of lines joined, other values as JSON.
std::string as_text(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return dump_json(value);
  std::string text;
  for (const json& line : value) {
    text += (line.is_string() ? line.get<std::string>() : dump_json(line)) + "\n";
  }
  return text;
}

/// A JSON value a line, as LiveCodeBench writes a function's arguments.
json values_of_lines(const std::string& text, std::string& fault) {
  json values = json::array();
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto [value, why_not] = read_reply(line, kMaxTestBytes);
    if (!why_not.empty()) {
      fault = "an argument is no JSON (" + why_not + "): " + printable(line, 100);
      return values;
    }
    values.push_back(std::move(value));
  }
  return values;
}

json value_of(const json& output) {
  if (!output.is_string()) return output;
  return json_in(output.get_ref<const std::string&>(), kMaxTestBytes).value_or(output);
}

class Reader {
 public:
  explicit Reader(const json& row) : row_(row) {}

  TestCases read(const json& value) {
    add(value);
    if (!cases_.fault.empty()) {
      cases_.tests.clear();
    } else if (cases_.tests.empty()) {
      cases_.fault = "there is no test";
    }
    return std::move(cases_);
  }

 private:
  void add(const json& value) {
    if (value.is_string()) return add_text(value.get<std::string>());
    if (value.is_array()) return add_list(value, "");
    if (!value.is_object()) return fail("is no test: " + printable(dump_json(value), 100));
    const std::string function = text_member(value, "fn_name");
    if (const json* cases = member(value, "test_cases")) return add_list(*cases, function);
    const json* inputs = member(value, "inputs");
    const json* outputs = member(value, "outputs");
    if (inputs != nullptr && outputs != nullptr) return add_pairs(*inputs, *outputs, function);
    if (member(value, "input") != nullptr || member(value, "output") != nullptr) {
      return add_pair(value, function);
    }
    fail("an object has neither test_cases nor inputs and outputs");
  }

  void add_text(const std::string& text) {
    const auto [parsed, fault] = read_reply(text, kMaxTestBytes);
    if (fault.empty() && !parsed.is_string()) return add(parsed);
    // No Python begins like this: it is JSON that nobody should guess at.
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (!fault.empty() && first != std::string::npos &&
        (text[first] == '{' || text[first] == '[')) {
      return fail("the tests are JSON that cannot be read: " + printable(fault, 200));
    }
    TestCase test;
    test.source = text;
    test.setup = text_member(row_, "test_setup_code");
    test.function = text_member(row_, "entry_point");
    const bool has_check = text.find("def check(") != std::string::npos;
    test.kind =
        has_check && !test.function.empty() ? TestCase::Kind::check : TestCase::Kind::script;
    cases_.tests.push_back(std::move(test));
  }

  void add_list(const json& list, const std::string& function) {
    if (!list.is_array()) return fail("test_cases is no list");
    for (const json& entry : list) {
      if (entry.is_string()) {
        add_text(entry.get<std::string>());
      } else {
        add_pair(entry, function);
      }
    }
  }

  void add_pairs(const json& inputs, const json& outputs, const std::string& function) {
    if (!inputs.is_array() || !outputs.is_array() || inputs.size() != outputs.size()) {
      return fail("inputs and outputs are no lists of one length");
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      add_pair({{"input", inputs[i]}, {"output", outputs[i]}}, function);
      if (!cases_.tests.empty()) cases_.tests.back().may_be_wrapped = true;
    }
  }

  void add_pair(const json& entry, std::string function) {
    const json* input = member(entry, "input");
    const json* output = nullptr;
    if (input == nullptr) input = member(entry, "stdin");
    for (const char* key : kOutputKeys) {
      if (output == nullptr) output = member(entry, key);
    }
    const bool is_null = output == nullptr && has_null_output(entry);
    if (output == nullptr && !is_null) return fail("a test has no output");
    if (const std::string own = text_member(entry, "fn_name"); !own.empty()) function = own;
    const std::string type = text_member(entry, "type");
    const bool is_function = !function.empty() && type != "stdin_stdout" && type != "stdin";
    const json nothing = "";
    if (input == nullptr) input = &nothing;
    if (is_null && !is_function) return;
    const json none;
    if (is_null) output = &none;
    TestCase test;
    if (!is_function) {
      test.input = as_text(*input);
      test.expected = as_text(*output);
    } else {
      test.kind = TestCase::Kind::call;
      test.function = function;
      test.arguments = input->is_string() ? values_of_lines(input->get<std::string>(), cases_.fault)
                       : input->is_array() ? *input
                                           : json::array({*input});
      test.value = value_of(*output);
    }
    cases_.tests.push_back(std::move(test));
  }

  static bool has_null_output(const json& entry) {
    for (const char* key : kOutputKeys) {
      if (entry.is_object() && entry.contains(key) && entry[key].is_null()) return true;
    }
    return false;
  }

  void fail(const std::string& fault) {
    if (cases_.fault.empty()) cases_.fault = fault;
  }

  const json& row_;
  TestCases cases_;
};

}  // namespace

std::string called_in_assert(std::string_view source) {
  size_t at = source.find("assert ");
  if (at == std::string_view::npos) return "";
  at += 7;
  for (const std::string_view opening : {"not ", "(", "set(", "sorted(", "list(", "abs("}) {
    if (source.substr(at).starts_with(opening)) at += opening.size();
  }
  size_t end = at;
  while (end < source.size() && (is_letter_or_digit(source[end]) || source[end] == '_')) ++end;
  const bool is_call = end > at && end < source.size() && source[end] == '(';
  return is_call ? std::string(source.substr(at, end - at)) : "";
}

TestCases tests_of(const json& row, const std::string& key) {
  const json* tests = find_tests(row, key);
  if (tests == nullptr) {
    return {{}, key.empty() ? "the row has no tests" : "the row has no column " + key};
  }
  return Reader(row).read(*tests);
}

}  // namespace gradus::rewards::code
