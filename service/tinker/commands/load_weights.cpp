// The state of a checkpoint in place of the model's own; as the first request it makes the model.
#include "base/error.h"
#include "base/json.h"
#include "service/http/fields.h"
#include "service/tinker/commands/training_command.h"

namespace gradus::service {
namespace {

struct LoadWish {
  TrainedPath path;
  std::string text;
  bool has_optimizer = false;
};

LoadWish read_load_weights(const nlohmann::json& body) {
  Fields fields(body, "");
  LoadWish wish;
  wish.text = fields.text("path", 1024);
  wish.path = parse_trained_path(wish.text);
  wish.has_optimizer = fields.flag("optimizer", false);
  fields.pass_over({"model_id", "seq_id", "type", "session_id", "model_seq_id", "base_model",
                    "user_metadata", "optimizer_config", "weights_access_token"});
  fields.finish();
  if (wish.has_optimizer && wish.path.kind != "weights")
    throw RequestError("optimizer: " + wish.text +
                       " has no optimizer state; load a checkpoint of save_state");
  return wish;
}

void check_load_weights(std::string_view body, const ModelFacts& /*facts*/) {
  read_load_weights(parse_json(body, "body"));
}

CommandResult run_load_weights(CommandContext& context) {
  const LoadWish wish = read_load_weights(body_of(context));
  const auto checkpoint = context.checkpoints.find(wish.path, context.model.project);
  if (!checkpoint) throw RequestError("path: there is no checkpoint " + wish.text);
  if (checkpoint->base != context.model.base || checkpoint->shape != context.model.shape)
    throw RequestError("path: " + wish.text +
                       " holds adapters of another base, rank or place than this model's");
  context.state =
      load_state(context.shared, context.checkpoints.folder_of(checkpoint->id), wish.has_optimizer);
  CommandResult result;
  result.wants_snapshot = true;
  result.result =
      dump_json({{"path", wish.text}, {"model_id", context.model.id}, {"type", "load_weights"}});
  return result;
}

}  // namespace

extern const TrainingCommand kLoadWeightsCommand{"load_weights",     false,      true,
                                                 check_load_weights, plain_json, run_load_weights};

}  // namespace gradus::service
