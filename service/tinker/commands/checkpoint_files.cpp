#include "service/tinker/commands/checkpoint_files.h"

#include "base/files/file_descriptor.h"
#include "service/http/fields.h"

namespace gradus::service {
namespace {

int64_t bytes_of_folder(const std::filesystem::path& folder) {
  int64_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    bytes += static_cast<int64_t>(entry.file_size());
  return bytes;
}

}  // namespace

CheckpointWish read_checkpoint_wish(Fields& fields) {
  CheckpointWish wish;
  wish.name = fields.optional_text("path", 1024).value_or("");
  if (fields.find("path") != nullptr) check_checkpoint_name(wish.name);
  wish.ttl_s = read_ttl(fields);
  wish.metadata = read_user_metadata(fields);
  fields.pass_over({"model_id", "seq_id", "type"});
  return wish;
}

TrainedCheckpoint save_checkpoint(CommandContext& context, const CheckpointWish& wish,
                                  const std::string& kind, CommandResult& result) {
  TrainedCheckpoint checkpoint;
  checkpoint.id = random_id("ckpt-");
  checkpoint.project = context.model.project;
  checkpoint.model = context.model.id;
  checkpoint.kind = kind;
  checkpoint.name = wish.name.empty() ? "." + checkpoint.id : wish.name;
  checkpoint.created = context.now;
  checkpoint.expires = expiry_of(wish.ttl_s, context.now);
  checkpoint.metadata = wish.metadata;
  result.folder = context.checkpoints.folder_of(checkpoint.id);
  {
    const SharedPolicy::Turn turn(context.shared);
    save_state(turn, context.state, result.folder, kind == "weights", false);
  }
  sync_folder_of(result.folder);
  checkpoint.bytes = bytes_of_folder(result.folder);
  result.effect = [&checkpoints = context.checkpoints, checkpoint, overwrites = wish.overwrites](
                      Database& database) { checkpoints.insert(database, checkpoint, overwrites); };
  return checkpoint;
}

}  // namespace gradus::service
