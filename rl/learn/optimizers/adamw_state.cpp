#include "rl/learn/optimizers/adamw_state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr std::array kKinds = {&kAdamWFloat32, &kAdamW8Bit};

}  // namespace

const AdamWKind& find_adamw(std::string_view kind) {
  std::vector<std::string_view> names;
  for (const AdamWKind* known : kKinds) {
    if (known->name == kind) return *known;
    names.push_back(known->name);
  }
  throw ConfigError(
      fmt::format("optim.kind: is \"{}\", must be one of {}", kind, fmt::join(names, ", ")));
}

}  // namespace gradus::rl
