#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rl/run/ledger.h"

namespace gradus::runs {

/// One stage of a chain as its records say.
struct StageView {
  std::string name;
  std::string kind;
  std::string state;  ///< waiting, running, stopped, killed, failed, done
  std::string gate;   ///< "", "passed", or why it did not open
  std::string began;
  std::string ended;
  std::map<std::string, double> evaluation;  ///< "eval/accuracy", ...; empty: none
  rl::LedgerTotal cost;
  std::map<std::string, int64_t> rows;  ///< of a stage that samples: input, kept, and why not
  std::filesystem::path path;           ///< of its run
};

/// A chain of stages as it lies in its folder (`gradus run`); it may be going on meanwhile.
struct ChainView {
  std::filesystem::path path;
  std::string name;
  std::vector<StageView> stages;
};

/// The folder holds a chain.
bool is_chain(const std::filesystem::path& path);

/// The folder of the chain that a person calls `name`: a path, or a name below ./runs; nothing:
/// neither is a chain.
std::optional<std::filesystem::path> find_chain(const std::string& name);

/// @throws FileError  no chain there, or its records are damaged; the file is named.
ChainView read_chain(const std::filesystem::path& path);

/// A table of the stages: text of each cell, the names of the columns first. Columns are what any
/// stage's evaluation has: accuracy with its 95 % interval, pass@k, maj@k (R1's cons@k), length,
/// cut off, and the mean of every rule (format, language); then tokens, device-hours, money.
std::vector<std::vector<std::string>> chain_cells(const ChainView& chain);

/// {"name", "dir", "stages": [{"name", "kind", "state", "gate", "evaluation", "rows",
/// "device_seconds", "tokens", "flops", "money"}]}
std::string chain_json(const ChainView& chain);

}  // namespace gradus::runs
