#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "cli/arguments.h"
#include "policy/policy.h"

namespace gradus::cli {

/// Arguments of commands that load a model.
struct ModelOptions {
  std::string path;    ///< as given; checkpoint_path(path) is where it lies
  std::string device;  ///< empty, as the next two: not given
  std::string precision;
  std::string compute;
  int threads = 0;  ///< 0: all cores
};

/// Where the model lies that a person names: a checkpoint (policy::resolve_checkpoint_name), or a
/// run, by its folder or its name below ./runs, whose policy is in final/.
/// @throws ArgumentError  a run that has no final policy yet.
std::string checkpoint_path(const std::string& name);

/// --model, --device, --precision, --compute, --threads.
void add_model_options(Command app, ModelOptions& options);

/// What the arguments say, over `config`: of a recipe, or the defaults.
/// @throws ConfigError  a word that model.* does not know.
policy::PolicyConfig policy_config(const ModelOptions& options, policy::PolicyConfig config = {});

/// Gives ATen, in this whole process, the threads that suit a team of `threads` (0: all cores).
void use_threads(const policy::PolicyConfig& config, int threads);

/// The team that computes; ATen gets the threads that suit it.
std::unique_ptr<ThreadTeam> make_team(int threads, const policy::PolicyConfig& config = {});

}  // namespace gradus::cli
