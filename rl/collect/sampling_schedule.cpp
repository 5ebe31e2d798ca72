#include "rl/collect/sampling_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace gradus::rl {
namespace {

void check_pairs(const nlohmann::json& list, const std::string& key, double least) {
  const auto refuse = [&](const std::string& what) {
    throw ConfigError(fmt::format(
        "{}: {}, must be pairs of steps done and value, e.g. [[0, 512], [200, 1024]]", key, what));
  };
  if (!list.is_array()) refuse("is no list");
  int64_t before = -1;
  for (const auto& pair : list) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number_integer() ||
        !pair[1].is_number())
      refuse("holds " + pair.dump());
    if (pair[0].get<int64_t>() <= before) refuse("steps do not rise");
    if (pair[1].get<double>() < least) refuse(fmt::format("holds a value below {}", least));
    before = pair[0].get<int64_t>();
  }
}

/// Pairs whose step has come.
int64_t due(const std::vector<std::pair<int64_t, double>>& pairs, int64_t steps_done) {
  return std::ranges::count_if(pairs, [&](const auto& pair) { return pair.first <= steps_done; });
}

}  // namespace

void describe(ScheduleConfig& c, SettingFields& field) {
  field("max_tokens", c.max_tokens, any(),
        "rollout.max_tokens by steps done: [[0, 512], [200, 1024]]; empty: it stays");
  field("temperature", c.temperature, any(),
        "rollout.temperature by steps done: [[0, 1.0], [300, 0.7]]; empty: it stays");
  field("grow_below", c.grow_below, between(0.0, 1.0),
        "a longer max_tokens is taken only once fewer completions than this share were cut off in "
        "the step before; 0: by steps alone");
}

void check(const ScheduleConfig& c, const std::string& source) {
  check_pairs(c.max_tokens, source + ": schedule.max_tokens", 1.0);
  check_pairs(c.temperature, source + ": schedule.temperature", 0.0);
  for (const auto& pair : c.max_tokens)
    if (!pair[1].is_number_integer())
      throw ConfigError(source + ": schedule.max_tokens: holds " + pair[1].dump() +
                        ", must be whole numbers of tokens");
  if (c.grow_below > 0.0 && c.max_tokens.empty())
    throw ConfigError(source + ": schedule.grow_below: there is no schedule.max_tokens to grow by");
}

int largest_max_tokens(const ScheduleConfig& config, const rollout::SamplingConfig& sampling) {
  int largest = sampling.max_tokens;
  for (const auto& pair : config.max_tokens)
    if (pair.is_array() && pair.size() == 2 && pair[1].is_number_integer())
      largest = std::max(largest, pair[1].get<int>());
  return largest;
}

SamplingSchedule::SamplingSchedule(const ScheduleConfig& config, rollout::SamplingConfig sampling)
    : sampling_(std::move(sampling)),
      lengths_(pairs_of(config.max_tokens)),
      temperatures_(pairs_of(config.temperature)),
      grow_below_(config.grow_below),
      taken_(std::min<int64_t>(1, due(lengths_, 0))) {}

SamplingSchedule::Pairs SamplingSchedule::pairs_of(const nlohmann::json& list) {
  Pairs pairs;
  for (const auto& pair : list) pairs.emplace_back(pair[0].get<int64_t>(), pair[1].get<double>());
  return pairs;
}

rollout::SamplingConfig SamplingSchedule::at(int64_t step) const {
  rollout::SamplingConfig sampling = sampling_;
  const int64_t lengths = grow_below_ > 0.0 ? taken_ : due(lengths_, step - 1);
  if (lengths > 0)
    sampling.max_tokens = static_cast<int>(lengths_[static_cast<size_t>(lengths - 1)].second);
  const int64_t temperatures = due(temperatures_, step - 1);
  if (temperatures > 0)
    sampling.temperature = temperatures_[static_cast<size_t>(temperatures - 1)].second;
  return sampling;
}

void SamplingSchedule::look_at(int64_t step, double truncated_share) {
  if (grow_below_ <= 0.0 || taken_ >= due(lengths_, step)) return;
  const double next = lengths_[static_cast<size_t>(taken_)].second;
  const bool is_longer = next > at(step).max_tokens;
  if (!is_longer || truncated_share < grow_below_) ++taken_;
}

std::string SamplingSchedule::memory() const {
  return grow_below_ > 0.0 ? std::to_string(taken_) : "";
}

void SamplingSchedule::recall(const std::string& memory) {
  if (grow_below_ <= 0.0) return;
  int64_t taken = 0;
  const auto [end, error] = std::from_chars(memory.data(), memory.data() + memory.size(), taken);
  if (error != std::errc() || end != memory.data() + memory.size() || taken < 0 ||
      taken > static_cast<int64_t>(lengths_.size()))
    throw FileError("state.json", "bad_memory", "says no length of schedule.max_tokens");
  taken_ = taken;
}

}  // namespace gradus::rl
