#include "cli/model_options.h"

#include <ATen/Parallel.h>

#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/process/usable_cores.h"
#include "base/settings/setting.h"
#include "policy/formats/checkpoint_name.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {

std::string checkpoint_path(const std::string& name) {
  namespace fs = std::filesystem;
  const bool is_other = fs::exists(name) && !runs::is_run(name);
  const auto run = is_other ? std::nullopt : runs::find_run(name);
  if (!run) return policy::resolve_checkpoint_name(name).string();
  if (fs::exists(*run / "final")) return (*run / "final").string();
  throw ArgumentError(run->string() +
                      ": is a run without final/; go on with it (gradus train --resume " +
                      run->string() + "), or export a checkpoint (gradus model export)");
}

void add_model_options(Command app, ModelOptions& options) {
  app.add_option("--model", options.path,
                 "a Hugging Face directory, a GGUF file, a model of the hub's cache, or a run")
      .required();
  app.add_option("--device", options.device, "cpu (the default) or cuda");
  app.add_option("--precision", options.precision, "float32 (the default) or bfloat16");
  app.add_option("--compute", options.compute, "auto (the default), native or reference");
  app.add_option("--threads", options.threads, "compute threads; 0: all cores");
}

policy::PolicyConfig policy_config(const ModelOptions& options, policy::PolicyConfig config) {
  config.path = checkpoint_path(options.path);
  if (!options.device.empty()) apply_set(config, "device=" + options.device);
  if (!options.precision.empty()) apply_set(config, "precision=" + options.precision);
  if (!options.compute.empty()) apply_set(config, "compute=" + options.compute);
  return config;
}

void use_threads(const policy::PolicyConfig& config, int threads) {
  at::set_num_threads(policy::aten_threads(config, threads > 0 ? threads : usable_cores()));
}

std::unique_ptr<ThreadTeam> make_team(int threads, const policy::PolicyConfig& config) {
  if (threads < 0) {
    throw ArgumentError("--threads: is " + std::to_string(threads) + ", must be >= 0");
  }
  auto team = std::make_unique<ThreadTeam>(threads > 0 ? threads : usable_cores());
  use_threads(config, team->size());
  return team;
}

}  // namespace gradus::cli
