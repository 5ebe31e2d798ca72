#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rl/chain/chain_config.h"

namespace gradus::rl {

/// A stage whose settings are resolved.
struct ChainStage {
  StageEntry entry;
  RunConfig config;  ///< paths absolute; run.dir is `folder`
  std::filesystem::path folder;
  /// Files and checkpoints of the stages before it that it reads.
  std::vector<std::filesystem::path> inputs;
  std::vector<std::string> needs;     ///< those stages
  std::vector<std::string> policies;  ///< that a kind's own settings name, resolved
  std::vector<std::string> rows;      ///< data: several files, which become one; else empty
};

/// A recipe with [[stages]], ready to be run:
///
///   DIR/recipe.toml     the recipe as it was given
///   DIR/chain.json      {"stages": [names], "folder", "source", "assignments"}
///   DIR/stages/NAME/    the run of a stage; final/ is its policy, rows.jsonl its rows
///   DIR/chain/NAME.json what it was made from, its evaluation and its gate
///   DIR/replaced/       stages of before, whose settings or inputs have changed
struct Chain {
  std::filesystem::path dir;
  ChainSettings settings;
  RunConfig common;
  std::vector<ChainStage> stages;
  std::string recipe;  ///< its text
  std::string source;  ///< its path, for errors
  std::filesystem::path folder;
  std::vector<std::string> assignments;
};

/// Where a chain comes from.
struct ChainSource {
  std::string recipe;            ///< text
  std::string source;            ///< path, for errors
  std::filesystem::path folder;  ///< relative paths are below it
  std::vector<std::string> assignments;
  std::filesystem::path dir;  ///< of the chain; empty: run.dir, or runs/NAME
};

/// The stages that are declared before one, for what it names.
class StageNames {
 public:
  StageNames(std::filesystem::path dir, std::filesystem::path folder)
      : dir_(std::move(dir)), folder_(std::move(folder)) {}

  void add(const std::string& name) { names_.push_back(name); }
  bool holds(const std::string& name) const;
  /// The checkpoint that `name` is: of a stage (STAGE, STAGE:best, STAGE:step-000100), else a path
  /// below the recipe's folder or the working directory, or a model of the hub.
  std::string policy(const std::string& name, ChainStage& stage) const;
  /// The rows that it is.
  std::string rows(const std::string& name, ChainStage& stage) const;
  /// A text of the settings: "stage:NAME", "stage:NAME/FILE", or itself.
  std::string text(const std::string& text, ChainStage& stage) const;

 private:
  std::string of_stage(const std::string& name, const std::string& file, ChainStage& stage) const;
  std::string path(const std::string& path) const;

  std::filesystem::path dir_;
  std::filesystem::path folder_;
  std::vector<std::string> names_;
};

/// Whether a recipe has [[stages]]. @throws FileError; ConfigError  it is no TOML.
bool is_chain(const std::filesystem::path& recipe);

/// Resolves and checks all stages before anything is made. Settings of a stage are the common ones,
/// over them those of its `recipe`, then its `settings`, then assignments. "rl.kl_coef=0.1" is a
/// common setting, "NAME:rl.kl_coef=0.1" one of a stage, "*:run.steps=2" one of every stage.
/// @throws ConfigError, FileError
Chain load_chain(ChainSource source);

/// From a recipe's file. @param dir  empty: as the recipe says.
Chain load_chain(const std::filesystem::path& recipe, std::span<const std::string> assignments,
                 const std::filesystem::path& dir);

/// A chain that was begun in `dir`, from what it keeps. @throws FileError  there is none.
Chain open_chain(const std::filesystem::path& dir, std::span<const std::string> assignments);

}  // namespace gradus::rl
