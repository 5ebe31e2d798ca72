#include <memory>
#include <optional>
#include <ostream>

#include "base/error.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "policy/convert_checkpoint.h"
#include "runs/run_folder.h"
#include "runs/run_view.h"

namespace gradus::cli {
namespace {

namespace fs = std::filesystem;

struct ModelExportOptions {
  fs::path in;
  fs::path out;
  std::string format = "hf";
  std::string dtype;
  bool wants_best = false;
};

fs::path checkpoint_of(const ModelExportOptions& options) {
  const auto run = fs::exists(options.in) && !runs::is_run(options.in)
                       ? std::nullopt
                       : runs::find_run(options.in.string());
  if (!run) {
    if (options.wants_best) {
      throw ArgumentError("--best: " + options.in.string() + " is no run's folder");
    }
    return checkpoint_path(options.in.string());
  }
  const fs::path model = *run / (options.wants_best ? "best" : "final");
  if (!fs::exists(model)) {
    throw FileError(
        model.string(), "missing",
        "the run has not got so far; finish it with gradus train --resume " + run->string());
  }
  return model;
}

policy::CheckpointFormat format_named(const std::string& name) {
  if (name == "hf") return policy::CheckpointFormat::hugging_face;
  if (name == "gguf") return policy::CheckpointFormat::gguf;
  throw ArgumentError("--format: is " + name + ", must be hf or gguf");
}

void declare_model_export(Command app, Session& session) {
  auto options = std::make_shared<ModelExportOptions>();
  app.add_option("in", options->in, "a run, by folder or name, or a checkpoint").required();
  app.add_option("out", options->out, "folder (hf) or file (gguf) to write").required();
  app.add_option("--format", options->format, "hf or gguf");
  app.add_option("--dtype", options->dtype, "f32, bf16, f16, q8_0; default: the checkpoint's own");
  app.add_flag("--best", options->wants_best, "the step with the best evaluation, not the last");
  app.callback([options, &session] {
    const policy::ConversionTarget target{options->out, format_named(options->format),
                                          options->dtype};
    for (const auto& note : policy::convert_checkpoint(checkpoint_of(*options), target)) {
      session.err << "note: " << note << "\n";
    }
    session.out << options->out.string() << "\n";
  });
}

}  // namespace

extern const CommandRecord kModelExportCommand{
    "model", "export", "write a run's policy for other programs", declare_model_export};

}  // namespace gradus::cli
