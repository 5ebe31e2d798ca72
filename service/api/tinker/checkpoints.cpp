// Checkpoints of training models: listed, kept for a time, shared, deleted.
#include "service/api/tinker/tinker_call.h"

namespace gradus::service {
namespace {

Response list_of(Call& call, const std::string& model, const ListWish& wish) {
  const auto page = call.parts.tinker.checkpoints().list(call.project(), model, wish);
  auto checkpoints = nlohmann::json::array();
  for (const auto& checkpoint : page.checkpoints)
    checkpoints.push_back(checkpoint_json(checkpoint));
  return json_response(
      {{"checkpoints", std::move(checkpoints)}, {"cursor", cursor_json(wish, page.total)}});
}

Response list_run_checkpoints(Call& call) {
  const TrainingModel model = training_model_of_call(call, call.place("run"));
  ListWish wish = read_list(call.request());
  if (!call.request().has_query("limit")) wish.limit = INT64_MAX;
  return list_of(call, model.id, wish);
}

Response list_all_checkpoints(Call& call) {
  return list_of(call, "", read_list(call.request()));
}

/// The project's own one that the path names.
TrainedCheckpoint own_checkpoint(const Call& call) {
  const auto checkpoint =
      checkpoint_of_call(call, {call.place("run"), call.place("kind"), call.place("name")});
  if (checkpoint.project != call.project())
    throw HttpError(403, "The checkpoint is another project's.", "permission_denied");
  return checkpoint;
}

Response delete_trained_checkpoint(Call& call) {
  call.parts.tinker.checkpoints().remove(own_checkpoint(call).id);
  return json_response(nlohmann::json::object());
}

Response publish_checkpoint(Call& call) {
  call.parts.tinker.checkpoints().publish(own_checkpoint(call).id, true);
  return json_response(nlohmann::json::object());
}

Response unpublish_checkpoint(Call& call) {
  call.parts.tinker.checkpoints().publish(own_checkpoint(call).id, false);
  return json_response(nlohmann::json::object());
}

Response set_checkpoint_ttl(Call& call) {
  const auto checkpoint = own_checkpoint(call);
  const auto body = call.body();
  Fields fields(body, "");
  const int64_t ttl_s = read_ttl(fields);
  fields.finish();
  call.parts.tinker.checkpoints().set_expiry(checkpoint.id,
                                             expiry_of(ttl_s, call.parts.store.now()));
  return json_response(nlohmann::json::object());
}

Response weights_info(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const auto checkpoint =
      checkpoint_of_call(call, parse_trained_path(fields.text("tinker_path", 1024)));
  return json_response({{"base_model", checkpoint.base},
                        {"optimizer_config", {{"type", "adamw"}}},
                        {"is_lora", true},
                        {"lora_rank", checkpoint.shape.rank},
                        {"train_unembed", checkpoint.shape.has_head},
                        {"train_mlp", checkpoint.shape.has_mlp},
                        {"train_attn", checkpoint.shape.has_attention}});
}

constexpr Route kTinkerCheckpointRoutes[] = {
    {"GET", "/api/v1/checkpoints", Scope::infer, "list checkpoints",
     answering<list_all_checkpoints>},
    {"GET", "/api/v1/training_runs/{run}/checkpoints", Scope::infer,
     "list a training model's checkpoints", answering<list_run_checkpoints>},
    {"DELETE", "/api/v1/training_runs/{run}/checkpoints/{kind}/{name}", Scope::jobs,
     "delete a checkpoint", answering<delete_trained_checkpoint>},
    {"POST", "/api/v1/training_runs/{run}/checkpoints/{kind}/{name}/publish", Scope::jobs,
     "let all projects read a checkpoint", answering<publish_checkpoint>},
    {"DELETE", "/api/v1/training_runs/{run}/checkpoints/{kind}/{name}/publish", Scope::jobs,
     "keep a checkpoint to its project", answering<unpublish_checkpoint>},
    {"PUT", "/api/v1/training_runs/{run}/checkpoints/{kind}/{name}/ttl", Scope::jobs,
     "set a checkpoint's time to live", answering<set_checkpoint_ttl>, BodyKind::json},
    {"POST", "/api/v1/weights_info", Scope::infer, "base and shape of a checkpoint",
     answering<weights_info>, BodyKind::json},
};

}  // namespace

extern const Resource kTinkerCheckpointsResource{"tinker checkpoints", kTinkerCheckpointRoutes};

}  // namespace gradus::service
