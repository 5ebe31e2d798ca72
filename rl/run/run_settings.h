#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rl/run/stop_rule.h"

namespace gradus::rl {

/// Settings `run.*`.
struct RunSettings {
  std::string task = "grpo";  ///< the stage's name in its registry
  std::string name = "run";   ///< for people
  std::string dir;            ///< of the run's records; empty: runs/NAME
  uint64_t seed = 0;
  int64_t steps = 100;     ///< 0: run.epochs says; once data is read, the steps of that
  double epochs = 0.0;     ///< passes over the rows; 0: run.steps says
  double max_hours = 0.0;  ///< of one process; 0: no bound
  std::string stop_when;   ///< "eval/accuracy >= 0.95"; empty: at the last step alone
  PlateauSettings plateau;
  int threads = 0;                ///< 0: all cores
  int64_t checkpoint_every = 50;  ///< 0: at the end and when stopped alone
  int keep = 2;                   ///< newest checkpoints that are kept
  bool keep_best = true;
  std::string best_metric;          ///< empty: the evaluation's accuracy, or its loss
  std::string best_mode = "auto";   ///< as direction_of has it
  int64_t eval_every = 0;           ///< 0: no evaluation
  bool export_checkpoints = false;  ///< RUN/exports/step-N, a Hugging Face directory of each
  bool eval_at_start = true;
  int64_t samples_every = 10;  ///< 0: no sample files
  int64_t sample_tokens = 0;   ///< groups of a sample file whose tokens are recorded one by one
  double disk_full_wait_s = 3600.0;
  int64_t log_every = 1;                               ///< steps between the loggers' points
  std::vector<std::string> loggers = {"tensorboard"};  ///< beside metrics.jsonl; empty: none
};

/// All but `task`, whose values the registry of stages knows.
void describe(RunSettings& c, SettingFields& field);

}  // namespace gradus::rl
