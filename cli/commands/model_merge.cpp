#include <memory>
#include <ostream>

#include "base/error.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "policy/adapter_merge.h"

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
  make_team(options.threads);  // sets the number of ATen's threads
  policy::merge_adapter(options.base, options.adapter, options.out);
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
