#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "rl/plan/stage_plan.h"
#include "rl/stages/run_config.h"

namespace gradus::rl {

void describe(DeviceRates& c, SettingFields& field);
void describe(StageRates& c, SettingFields& field);

/// What this machine does at best with so many threads: products of 1024 x 1024 matrices, and
/// copying. Takes about half a second.
DeviceRates measure_device(int threads, const Clock& clock);

/// Runs a stage's first steps (4; 2 of a model of more than 20 million parameters) and one
/// evaluation in a folder of its own, which it removes, and says what its ledger holds. The first
/// step is left out: memory and caches are cold there.
/// @param scratch  a folder that does not exist.
/// @throws Error  as rl::train; it was stopped.
StageRates measure_stage(const RunConfig& config, const std::filesystem::path& scratch,
                         const Clock& clock, const std::stop_token& stop);

/// Measured rates in a file: {"devices": {KEY: {...}}, "stages": {KEY: {...}}}, each with the time
/// of its measuring. A file that is damaged or of another version counts as empty.
class Calibration {
 public:
  /// @param path  need not exist. @param wall_s  now, for the ages.
  Calibration(std::filesystem::path path, double wall_s);

  std::optional<DeviceRates> device(int threads) const;
  std::optional<StageRates> stage(const RunConfig& config) const;
  /// Both write the file. @throws FileError
  void keep(int threads, const DeviceRates& rates);
  void keep(const RunConfig& config, const StageRates& rates);

 private:
  void write() const;

  std::filesystem::path path_;
  double wall_s_;
  nlohmann::json json_;
};

/// What of a recipe and this machine a stage's rates depend on.
std::string stage_key(const RunConfig& config);

}  // namespace gradus::rl
