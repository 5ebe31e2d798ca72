#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/settings/setting.h"
#include "rollout/engine/sampling.h"

namespace gradus::rl {

/// Settings `schedule.*`: how sampling changes during a run.
struct ScheduleConfig {
  nlohmann::json max_tokens = nlohmann::json::array();   ///< [[steps done, tokens], ...]
  nlohmann::json temperature = nlohmann::json::array();  ///< [[steps done, temperature], ...]
  double grow_below = 0.0;                               ///< 0: lengths follow the steps alone
};

void describe(ScheduleConfig& c, SettingFields& field);

/// @throws ConfigError  begins with `source`: not pairs, steps that do not rise, values out of
/// range.
void check(const ScheduleConfig& config, const std::string& source);

/// The longest max_tokens of a recipe's sampling.
int largest_max_tokens(const ScheduleConfig& config, const rollout::SamplingConfig& sampling);

/// Length and temperature of sampling, step by step. Before the first pair they are `rollout.*`'s.
///
/// With grow_below, the next longer length is taken only once fewer completions than that share
/// were cut off in the step before (lengths grow "in steps only after truncation < 10 %", as
/// DeepScaleR, Skywork-OR1 and MiniMax-M1 did by hand), and one pair a step.
class SamplingSchedule {
 public:
  SamplingSchedule(const ScheduleConfig& config, rollout::SamplingConfig sampling);

  /// Of step `step`, from 1.
  rollout::SamplingConfig at(int64_t step) const;
  /// After a step. @param truncated_share  of its completions.
  void look_at(int64_t step, double truncated_share);

  /// What a resumed run must know; empty: the step says all.
  std::string memory() const;
  /// @throws FileError  it is no schedule's.
  void recall(const std::string& memory);

 private:
  using Pairs = std::vector<std::pair<int64_t, double>>;
  static Pairs pairs_of(const nlohmann::json& list);

  rollout::SamplingConfig sampling_;
  Pairs lengths_;
  Pairs temperatures_;
  double grow_below_;
  int64_t taken_ = 0;  ///< pairs of lengths_ that hold, with grow_below
};

}  // namespace gradus::rl
