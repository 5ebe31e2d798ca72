#include <memory>
#include <ostream>

#include "base/error.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "policy/policy.h"

namespace gradus::cli {
namespace {

struct ModelMergeOptions {
  std::string base;
  std::string adapter;
  std::filesystem::path out;
  int threads = 0;
};

void merge(const ModelMergeOptions& options) {
  namespace fs = std::filesystem;
  if (fs::exists(options.out) && !(fs::is_directory(options.out) && fs::is_empty(options.out))) {
    throw FileError(options.out.string(), "already_exists", "exists; name a new folder");
  }
  const auto team = make_team(options.threads);
  policy::PolicyConfig config;
  config.path = options.base;
  config.lora.path = options.adapter;
  const auto policy = policy::Policy::load(config, policy::Purpose::training, *team);
  policy->save(options.out, true);
}

void declare_model_merge(Command app, Session& session) {
  auto options = std::make_shared<ModelMergeOptions>();
  app.add_option("base", options->base, "the checkpoint that was adapted").required();
  app.add_option("adapter", options->adapter, "the adapters, in PEFT's format").required();
  app.add_option("out", options->out, "folder to write, in Hugging Face's layout").required();
  app.add_option("--threads", options->threads, "compute threads; 0: all cores");
  app.callback([options, &session] {
    merge(*options);
    session.out << options->out.string() << "\n";
  });
}

}  // namespace

extern const CommandRecord kModelMergeCommand{
    "model", "merge", "fold adapters into the checkpoint they belong to", declare_model_merge};

}  // namespace gradus::cli
