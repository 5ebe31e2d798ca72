// Profile `countdown`: TinyZero, reward_score/countdown.py; gold {"target": n, "numbers": [...]}.
//
//   Of what follows the first `Assistant:` or `<|im_start|>assistant` (a prediction without either
//   is what follows), the last line only; there the last `<answer>...</answer>`; none: 0.
//   The runs of digits in it must be the numbers, each once, else 0.1. It must consist of digits,
//   + - * / ( ) . and white space, have a value, and that within 1e-5 of the target: 1, else 0.1.
//   The program evaluates the text with Python's eval: `**` and `//` pass.

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/printable.h"
#include "rewards/profiles/profile.h"
#include "rewards/profiles/python_arithmetic.h"
#include "rewards/profiles/python_text.h"
#include "rewards/reply.h"

namespace gradus::rewards::profiles {
namespace {

using boost::multiprecision::cpp_int;

constexpr double kFormScore = 0.1;
constexpr double kTolerance = 1e-5;

struct Puzzle {
  double target = 0;
  std::vector<cpp_int> numbers;  // sorted
};

bool is_exact_integer(double value) {
  return std::isfinite(value) && std::nearbyint(value) == value;
}

std::optional<Puzzle> puzzle_of(std::string_view gold) {
  const auto json = json_in(gold).value_or(nlohmann::json());
  if (!json.is_object() || !json.contains("target") || !json.contains("numbers")) return {};
  const auto& target = json.at("target");
  const auto& numbers = json.at("numbers");
  if (!target.is_number() || !numbers.is_array()) return {};
  Puzzle puzzle{target.get<double>(), {}};
  for (const auto& number : numbers) {
    const bool is_whole = number.is_number_integer() ||
                          (number.is_number_float() && is_exact_integer(number.get<double>()));
    if (!is_whole) return {};
    puzzle.numbers.push_back(number.is_number_unsigned()  ? cpp_int(number.get<uint64_t>())
                             : number.is_number_integer() ? cpp_int(number.get<int64_t>())
                                                          : cpp_int(number.get<double>()));
  }
  std::sort(puzzle.numbers.begin(), puzzle.numbers.end());
  return puzzle;
}

TextView completion_of(TextView text) {
  for (const TextView mark : {TextView(U"Assistant:"), TextView(U"<|im_start|>assistant")}) {
    const size_t at = text.find(mark);
    if (at != TextView::npos) return text.substr(at + mark.size());
  }
  return text;
}

std::optional<Text> equation_in(TextView text) {
  const size_t newline = text.rfind(U'\n');
  if (newline != TextView::npos) text.remove_prefix(newline + 1);
  constexpr TextView kOpen = U"<answer>";
  constexpr TextView kClose = U"</answer>";
  std::optional<Text> equation;
  for (size_t at = text.find(kOpen); at != TextView::npos; at = text.find(kOpen, at)) {
    const size_t start = at + kOpen.size();
    const size_t end = text.find(kClose, start);
    if (end == TextView::npos) break;
    equation = stripped(text.substr(start, end - start));
    at = end + kClose.size();
  }
  return equation;
}

std::vector<cpp_int> numbers_in(TextView equation) {
  std::vector<cpp_int> numbers;
  bool is_inside = false;
  for (const char32_t c : equation) {
    const bool is_digit = is_decimal(c);
    if (is_digit && !is_inside) numbers.emplace_back(0);
    // Digits of other scripts have a value for int(), and then fail in eval.
    if (is_digit)
      numbers.back() = numbers.back() * 10 + (c < 0x80 ? static_cast<int>(c - U'0') : 0);
    is_inside = is_digit;
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string fault_of(TextView equation, const Puzzle& puzzle) {
  if (equation.size() > 4000) return "is longer than 4,000 characters";
  if (numbers_in(equation) != puzzle.numbers) return "does not use the given numbers once each";
  const auto value = evaluate_python_arithmetic(equation);
  if (!value) return "has no value";
  const double result = std::holds_alternative<double>(*value)
                            ? std::get<double>(*value)
                            : std::get<cpp_int>(*value).convert_to<double>();
  return std::abs(result - puzzle.target) < kTolerance ? "" : "does not reach the target";
}

Verdict countdown(std::string_view gold, std::string_view prediction, const ProfileOptions&) {
  const auto puzzle = puzzle_of(gold);
  if (!puzzle) return {false, 0.0, "", R"(the gold is not {"target": n, "numbers": [...]})"};
  const Text text = to_text(prediction);
  const auto equation = equation_in(completion_of(text));
  if (!equation) return {false, 0.0, "", "no <answer>...</answer> on the last line"};
  const std::string fault = fault_of(*equation, *puzzle);
  return {fault.empty(), fault.empty() ? 1.0 : kFormScore, printable(to_utf8(*equation), 200),
          fault};
}

}  // namespace

extern const ProfileInfo kCountdownProfile{
    "countdown",
    "last <answer> of the last line, all numbers once, target within 1e-5",
    "TinyZero, reward_score/countdown.py",
    false,
    countdown,
    0,
    true};

}  // namespace gradus::rewards::profiles
