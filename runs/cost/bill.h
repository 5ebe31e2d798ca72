#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "rl/run/ledger.h"

namespace gradus::runs {

/// What one run, a stage of a chain or a run alone, took and cost.
struct StageBill {
  std::string name;                              ///< of the chain's stage; of a run alone its kind
  std::string kind;                              ///< run.task
  std::map<std::string, rl::LedgerTotal> parts;  ///< by the ledger's stages; docs/cost.md

  /// All but what was lost.
  rl::LedgerTotal work() const;
  /// Repeated and killed.
  rl::LedgerTotal lost() const;
};

/// A row of the table: what DeepSeek-V3's report lists (arXiv:2412.19437, table 1), and what it
/// leaves out.
struct BillRow {
  std::string name;
  rl::LedgerTotal total;
};

/// What a run or a chain of runs took and cost. Its rows sum up to the time of all processes that
/// had it, times the devices that they held.
struct Bill {
  std::vector<StageBill> stages;
  rl::LedgerTotal between;  ///< of a chain: between its stages' runs
  rl::LedgerTotal
      replaced;          ///< of a chain: stages that were done again, and what they were made of
  std::string currency;  ///< of the money

  rl::LedgerTotal lost() const;
  rl::LedgerTotal total() const;
  /// One for each kind of stage, then evaluation, start-up, checkpoints, reports, idle, grader
  /// devices, repeated work, killed, replaced stages, between stages; those that took nothing are
  /// left out.
  std::vector<BillRow> rows() const;
};

/// Whether there are stages' runs in DIR/stages.
bool has_stages(const std::filesystem::path& path);

/// The bill of a run's folder, or of a chain's, in the order of "stages" in DIR/chain.json, else in
/// that in which the runs began. What a process that was killed did not live to enter is counted
/// from lives.jsonl; of a run that goes on, up to now.
/// @throws FileError  neither a run nor a chain; a ledger that is damaged.
Bill read_bill(const std::filesystem::path& path);

/// Name of a kind of stage in the table: "Reinforcement learning" of grpo.
std::string row_name(const std::string& kind);

}  // namespace gradus::runs
