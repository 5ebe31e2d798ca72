#include "cli/model_options.h"

#include <ATen/Parallel.h>

#include "base/error.h"
#include "base/settings/setting.h"
#include "cli/machine.h"

namespace gradus::cli {

void add_model_options(Command app, ModelOptions& options) {
  app.add_option("--model", options.path, "checkpoint: a Hugging Face directory or a GGUF file")
      .required();
  app.add_option("--device", options.device, "cpu or cuda");
  app.add_option("--precision", options.precision, "float32 or bfloat16");
  app.add_option("--compute", options.compute, "auto, native or reference");
  app.add_option("--threads", options.threads, "compute threads; 0: all cores");
}

policy::PolicyConfig policy_config(const ModelOptions& options) {
  policy::PolicyConfig config;
  config.path = options.path;
  apply_set(config, "device=" + options.device);
  apply_set(config, "precision=" + options.precision);
  apply_set(config, "compute=" + options.compute);
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
