#include "rl/algorithms/reference_spec.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr const char* kForms =
    "none, start, base, self@every(400), ema(0.99, 10) or the path of a checkpoint";

/// The numbers of "name(1, 2)"; nothing: the text is no call of that name.
std::optional<std::vector<double>> arguments_of(std::string_view text, std::string_view name) {
  if (!text.starts_with(name)) return std::nullopt;
  text.remove_prefix(name.size());
  if (text.size() < 2 || text.front() != '(' || text.back() != ')') return std::nullopt;
  std::vector<double> numbers;
  const char* at = text.data() + 1;
  const char* const end = text.data() + text.size() - 1;
  while (at < end) {
    while (at < end && (*at == ' ' || *at == ',')) ++at;
    double number = 0.0;
    const auto [next, error] = std::from_chars(at, end, number);
    if (error != std::errc() || next == at) return std::nullopt;
    numbers.push_back(number);
    at = next;
    while (at < end && *at == ' ') ++at;
  }
  return numbers;
}

int steps_of(const std::string& text, double number) {
  if (number < 1.0 || number > 1e9 || number != static_cast<double>(static_cast<int>(number)))
    throw ConfigError(
        fmt::format("rl.reference: is {}, steps must be a whole number from 1 on", text));
  return static_cast<int>(number);
}

}  // namespace

ReferenceSpec parse_reference(const std::string& text) {
  using Kind = ReferenceSpec::Kind;
  ReferenceSpec spec;
  for (const auto& [name, kind] : {std::pair{"none", Kind::none}, std::pair{"start", Kind::start},
                                   std::pair{"base", Kind::base}}) {
    if (text != name) continue;
    spec.kind = kind;
    return spec;
  }
  if (const auto numbers = arguments_of(text, "self@every"); numbers && numbers->size() == 1) {
    spec.kind = Kind::self;
    spec.every = steps_of(text, numbers->front());
    return spec;
  }
  if (const auto numbers = arguments_of(text, "ema"); numbers && numbers->size() == 2) {
    const double decay = numbers->front();
    if (decay <= 0.0 || decay >= 1.0)
      throw ConfigError(
          fmt::format("rl.reference: is {}, the decay must be between 0 and 1; try 0.99", text));
    spec.kind = Kind::average;
    spec.every = steps_of(text, numbers->back());
    spec.decay = decay;
    return spec;
  }
  if (text.empty() || text.find('(') != std::string::npos || text.starts_with("self"))
    throw ConfigError(fmt::format("rl.reference: is \"{}\", must be {}", text, kForms));
  spec.kind = Kind::checkpoint;
  spec.path = text;
  return spec;
}

}  // namespace gradus::rl
