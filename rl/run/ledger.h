#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/files/append_file.h"
#include "base/settings/setting.h"
#include "rl/run/energy_meter.h"
#include "rl/run/lives.h"

namespace gradus::rl {

/// Settings `ledger.*`: what a device costs its user.
struct LedgerConfig {
  double device_price_per_hour = 0.0;
  std::string currency = "USD";
  double watts = 0.0;
  int devices = 1;
  int grader_devices = 0;
  double grader_price_per_hour = 0.0;
};

template <class Field>
void describe(LedgerConfig& c, Field&& field) {
  field("device_price_per_hour", c.device_price_per_hour, at_least(0.0).records_only(),
        "price of one device for one hour; 0: unknown, no money in the ledger");
  field("currency", c.currency, non_empty().records_only(), "of the price");
  field(
      "watts", c.watts, at_least(0.0).records_only(),
      "power drawn by one device; 0: measured (RAPL, NVML) where that can be read, else estimated "
      "from the time that the processors computed");
  field("devices", c.devices, at_least(1).records_only(),
        "devices that the run holds; device-seconds are these times the clock's seconds");
  field("grader_devices", c.grader_devices, at_least(0).records_only(),
        "devices held beside them for grading, e.g. by a judge's server; a row of their own");
  field("grader_price_per_hour", c.grader_price_per_hour, at_least(0.0).records_only(),
        "price of one of those for one hour; 0: device_price_per_hour");
}

/// What one stage of one step took. docs/cost.md says what belongs to which. Stages: load, rollout,
/// rewards, update, evaluate, save, report, idle, graders, and
///   lost    work that a kill undid: the time was paid for, the result is computed again
///   killed  between a process's last line and its death
struct LedgerEntry {
  std::string stage;
  int64_t step = 0;
  double seconds = 0.0;         ///< by the clock
  double device_seconds = 0.0;  ///< seconds times the devices of one place that works on it: 1
  int64_t tokens = 0;           ///< computed: prompt, sampled, trained or scored
  double flops = 0.0;           ///< by rl/learn/work_model.h
  int64_t sampled = 0;          ///< tokens that the policy sampled
  int64_t trained = 0;          ///< tokens through forward and backward passes
  int64_t graded = 0;           ///< tokens of graded completions
  double counted_flops = 0.0;   ///< of the products that the kernels did; 0: they do not count
};

struct LedgerTotal {
  double seconds = 0.0;
  double device_seconds = 0.0;
  int64_t tokens = 0;
  double flops = 0.0;
  std::optional<double> money;      ///< empty: no price is known
  std::optional<double> energy_wh;  ///< empty: no power is known
  int64_t sampled = 0;
  int64_t trained = 0;
  int64_t graded = 0;
  double counted_flops = 0.0;
  bool is_energy_estimated = false;  ///< of a part at least
  int64_t peak_memory = 0;           ///< bytes, the most of all parts; 0: not known

  LedgerTotal& operator+=(const LedgerTotal& other);
};

/// One entry with its price, without a meter's figures: device_seconds / 3600 * price,
/// device_seconds / 3600 * watts.
LedgerTotal priced(const LedgerEntry& entry, const LedgerConfig& config);

/// A line of ledger.jsonl.
struct LedgerLine {
  std::string stage;
  int64_t step = 0;
  int64_t life = -1;  ///< of lives.jsonl; -1: not known
  LedgerTotal total;
  std::string currency;
};

/// ledger.jsonl; docs/run_directory.md lists its keys. `money` and `energy_wh` are null where they
/// are not known.
///
/// With a life, its lines cover the time of every process without gap: what no entry takes is idle,
/// and what processes did not live to enter is killed.
class Ledger {
 public:
  /// Drops what lies past `num_bytes`, the size that a checkpoint noted; work of what that held is
  /// entered again as "lost" lines of `step`, as it was paid for. What saving this very checkpoint
  /// took was not lost, and stays, as do lines that are no work (load, report, killed).
  /// @param life  of this process, outlives the ledger; null: lines belong to none.
  Ledger(const std::filesystem::path& path, int64_t num_bytes, int64_t step, LedgerConfig config,
         const LifeKeeper* life = nullptr);

  /// @throws FileError  e.g. the disk is full; the ledger is as it was before.
  void append(const LedgerEntry& entry);
  /// Enters what the life took up to now and no entry did, as `stage`: always a line, so that a
  /// run's file operations do not depend on the clock. @throws FileError
  void settle(const std::string& stage, int64_t step);
  void sync() { file_.sync(); }
  int64_t num_bytes() const { return file_.num_bytes(); }

 private:
  void write(const LedgerEntry& entry, int64_t life, std::optional<double> joules);
  std::optional<double> take_joules(double seconds);

  LedgerConfig config_;
  AppendFile file_;
  const LifeKeeper* life_;
  std::unique_ptr<EnergyMeter> meter_;  ///< with a life
  double covered_s_ = 0.0;              ///< of the life, by lines
  double graders_s_ = 0.0;              ///< of the life, by lines of the graders
  double joules_ = 0.0;                 ///< that lines have taken
};

/// All whole lines; a torn last one is left out. @throws FileError  missing or not a ledger.
std::vector<LedgerLine> read_ledger_lines(const std::filesystem::path& path);

/// Totals by stage. @throws FileError  as above.
std::map<std::string, LedgerTotal> read_ledger(const std::filesystem::path& path);

/// Time of lives that no line covers, by life: those that were killed. Where the next process took
/// over within a quarter of a second after a killed one's last beat, the devices were held in
/// between, and that is the killed one's.
/// @param lives  in order.
std::map<int64_t, double> uncovered_seconds(const std::vector<LedgerLine>& lines,
                                            const std::vector<Life>& lives);

}  // namespace gradus::rl
