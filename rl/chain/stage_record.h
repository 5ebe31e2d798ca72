#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rl/chain/chain.h"

namespace gradus::rl {

/// DIR/chain/NAME.json: what a stage was made from, and what came of it.
struct StageRecord {
  std::string name;
  std::string kind;
  bool is_done = false;
  nlohmann::json inputs;                     ///< as inputs_of gives it
  std::map<std::string, double> evaluation;  ///< "eval/accuracy" and so on; empty: none
  std::string gate;                          ///< "", "passed", or why not
  std::string began;                         ///< UTC
  std::string ended;
};

std::filesystem::path record_path(const Chain& chain, const std::string& stage);
/// What stands there; a stage that has not begun: an empty name. @throws FileError
StageRecord read_stage_record(const std::filesystem::path& path);
/// Durable when it returns. @throws FileError
void write_stage_record(const std::filesystem::path& path, const StageRecord& record);

/// Everything that a stage's result is a function of: kind, settings, sizes and sums of the files
/// that it reads (where they lie does not count), its own settings and the program's version.
/// @throws FileError  one cannot be read.
nlohmann::json inputs_of(const ChainStage& stage);

/// What differs and matters, one phrase each; empty: the stage need not be done again.
std::vector<std::string> changes_between(const nlohmann::json& was, const nlohmann::json& is);

}  // namespace gradus::rl
