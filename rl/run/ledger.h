#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/files/append_file.h"
#include "base/settings/setting.h"

namespace gradus::rl {

/// Settings `ledger.*`: what a device costs its user.
struct LedgerConfig {
  double device_price_per_hour = 0.0;
  std::string currency = "USD";
  double watts = 0.0;
};

template <class Field>
void describe(LedgerConfig& c, Field&& field) {
  field("device_price_per_hour", c.device_price_per_hour, at_least(0.0).records_only(),
        "price of one device for one hour; 0: unknown, no money in the ledger");
  field("currency", c.currency, non_empty().records_only(), "of the price");
  field("watts", c.watts, at_least(0.0).records_only(),
        "power drawn by one device; 0: unknown, no energy in the ledger");
}

/// What one stage of one step took. Stages: load, rollout, rewards, update, evaluate, save, and
/// lost (work that a kill undid: the time was paid for, the result is computed again).
struct LedgerEntry {
  std::string stage;
  int64_t step = 0;
  double seconds = 0.0;         ///< by the clock
  double device_seconds = 0.0;  ///< seconds times devices held
  int64_t tokens = 0;           ///< computed: prompt, sampled, trained or scored
  double flops = 0.0;           ///< by rl/learn/flops.h
};

struct LedgerTotal {
  double seconds = 0.0;
  double device_seconds = 0.0;
  int64_t tokens = 0;
  double flops = 0.0;
  std::optional<double> money;      ///< empty: no price is known
  std::optional<double> energy_wh;  ///< empty: no power is known

  LedgerTotal& operator+=(const LedgerTotal& other);
};

/// One entry with its price: device_seconds / 3600 * price, device_seconds / 3600 * watts.
LedgerTotal priced(const LedgerEntry& entry, const LedgerConfig& config);

/// ledger.jsonl: {"stage", "step", "seconds", "device_seconds", "tokens", "flops", "money",
/// "currency", "energy_wh"}; money and energy are null where no rate is given.
class Ledger {
 public:
  /// Drops what lies past `num_bytes`, the size that a checkpoint noted; what that held is entered
  /// again as one "lost" line of `step`, as it was paid for. What saving this very checkpoint took
  /// was not lost, and stays.
  Ledger(const std::filesystem::path& path, int64_t num_bytes, int64_t step, LedgerConfig config);

  /// @throws FileError  e.g. the disk is full; the ledger is as it was before.
  void append(const LedgerEntry& entry);
  void sync() { file_.sync(); }
  int64_t num_bytes() const { return file_.num_bytes(); }

 private:
  LedgerConfig config_;
  AppendFile file_;
};

/// Totals by stage; a torn last line is left out. @throws FileError  missing or not a ledger.
std::map<std::string, LedgerTotal> read_ledger(const std::filesystem::path& path);

}  // namespace gradus::rl
