#pragma once

#include <functional>
#include <optional>
#include <string>

namespace gradus::rl {

/// Where this process stands among those that train together, and how they meet.
struct RankPlace {
  int rank = 0;
  int size = 1;
  int local_rank = 0;  ///< among the processes of this machine
  int local_size = 1;
  std::string address;           ///< of the store
  int port = 0;                  ///< of the store
  bool is_store_served = false;  ///< by the launcher; false: rank 0 serves it
  std::string run = "run";       ///< of the launcher; with `restart` the prefix of the store's keys
  int restart = 0;               ///< how often the launcher has started all processes anew
  std::string launcher;          ///< who said all this: "torchrun", "Slurm", ...
};

/// Reads a variable of the environment; nothing: it is not set.
using ReadVariable = std::function<std::optional<std::string>(const char*)>;
std::optional<std::string> read_variable(const char* name);

/// What the launcher has written into the environment: torchrun's variables (which `gradus launch`
/// sets as well), else Open MPI's, else PMI's (MPICH, Intel), else those of a Slurm step.
/// Nothing: this process was started alone.
/// @throws ConfigError  a variable is missing, is no number or out of range; names it.
std::optional<RankPlace> find_rank_place(const ReadVariable& variable = read_variable);

}  // namespace gradus::rl
