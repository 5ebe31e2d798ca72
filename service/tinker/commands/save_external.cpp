// Adapters in PEFT's format, for download.
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "service/http/fields.h"
#include "service/tinker/commands/checkpoint_files.h"

namespace gradus::service {
namespace {

CheckpointWish read_save_external(const nlohmann::json& body) {
  Fields fields(body, "");
  fields.need("path");
  const CheckpointWish wish = read_checkpoint_wish(fields);
  if (fields.find("age_encryption_recipients") != nullptr)
    throw RequestError("age_encryption_recipients: files are not encrypted by this server");
  fields.finish();
  return wish;
}

void check_save_external(std::string_view body, const ModelFacts& /*facts*/) {
  read_save_external(parse_json(body, "body"));
}

CommandResult run_save_external(CommandContext& context) {
  const CheckpointWish wish = read_save_external(body_of(context));
  CommandResult result;
  const auto saved = save_checkpoint(context, wish, "external_weights", result);
  // Whoever loads them knows the base by its name, not by its place on this machine.
  const auto path = result.folder / "adapter_config.json";
  auto config = read_json(path);
  config["base_model_name_or_path"] = context.model.base;
  write_file_atomically(path, config.dump(2) + "\n");
  result.result = dump_json(
      {{"path", saved.path()}, {"size_bytes", saved.bytes}, {"type", "save_weights_external"}});
  return result;
}

}  // namespace

extern const TrainingCommand kSaveExternalCommand{
    "save_weights_external", false, false, check_save_external, plain_json, run_save_external};

}  // namespace gradus::service
