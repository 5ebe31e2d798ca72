#include <memory>
#include <ostream>

#include "cli/commands/command_record.h"
#include "policy/convert_checkpoint.h"

namespace gradus::cli {
namespace {

struct ModelConvertOptions {
  std::filesystem::path in;
  std::filesystem::path out;
  std::string dtype;
};

void declare_model_convert(Command app, Session& session) {
  auto options = std::make_shared<ModelConvertOptions>();
  app.add_option("in", options->in, "a Hugging Face directory or a GGUF file").required();
  app.add_option("out", options->out, "file ending in .gguf, or a new folder").required();
  app.add_option("--dtype", options->dtype,
                 "f32, bf16, f16, q8_0 (GGUF), fp8 (folder); default: the checkpoint's own");
  app.callback([options, &session] {
    const policy::ConversionTarget target{options->out, policy::format_of(options->out),
                                          options->dtype};
    for (const auto& note : policy::convert_checkpoint(options->in, target)) {
      session.err << "note: " << note << "\n";
    }
    session.out << options->out.string() << "\n";
  });
}

}  // namespace

extern const CommandRecord kModelConvertCommand{
    "model", "convert",
    "write a checkpoint in another format: .gguf, else a Hugging Face directory",
    declare_model_convert};

}  // namespace gradus::cli
