// Models in training: made, asked for steps, saved, loaded, unloaded.
#include <fmt/format.h>

#include <filesystem>

#include "base/json.h"
#include "base/sha256.h"
#include "service/api/tinker/submit.h"

namespace gradus::service {
namespace {

constexpr char kForwardBackward[] = "forward_backward";
constexpr char kOptimStep[] = "optim_step";
constexpr char kSaveWeights[] = "save_weights";
constexpr char kSaveForSampler[] = "save_weights_for_sampler";
constexpr char kSaveExternal[] = "save_weights_external";
constexpr char kLoadWeights[] = "load_weights";

void check_optimizer(Fields& fields) {
  const auto* config = fields.find("optimizer_config");
  if (config == nullptr) return;
  Fields inner(*config, "optimizer_config");
  const auto type = inner.optional_text("type", 64).value_or("adamw");
  if (type != "adamw")
    throw HttpError(422, "optimizer_config.type: is " + type + "; this server has adamw alone.",
                    "unsupported_value", "optimizer_config");
}

/// The fields that create_model and a load that makes a model share.
TrainingModel read_new_model(const Call& call, Fields& fields) {
  TrainingModel model;
  model.session = session_of_call(call, fields.text("session_id", 256)).id;
  model.number = fields.integer("model_seq_id", 0, INT32_MAX).value_or(-1);
  if (model.number < 0) fields.need("model_seq_id");
  model.id = fmt::format("{}:train:{}", model.session, model.number);
  model.project = call.project();
  model.metadata = read_user_metadata(fields);
  check_optimizer(fields);
  return model;
}

/// A head that is the embedding has no adapters, whatever train_unembed says (docs/service.md).
void read_lora(Fields& fields, int max_rank, bool has_own_head, TrainingModel& model,
               Promise& first) {
  Fields lora(fields.need("lora_config"), "lora_config");
  model.shape.rank = static_cast<int>(lora.integer("rank", 1, max_rank).value_or(0));
  if (model.shape.rank == 0) lora.need("rank");
  if (const auto seed = lora.integer("seed", INT64_MIN, INT64_MAX))
    first.seed = static_cast<uint64_t>(*seed);
  model.shape.has_attention = lora.flag("train_attn", true);
  model.shape.has_mlp = lora.flag("train_mlp", true);
  model.shape.has_head = lora.flag("train_unembed", true) && has_own_head;
  lora.finish();
  if (!model.shape.has_attention && !model.shape.has_mlp && !model.shape.has_head)
    refuse_field("lora_config", "leaves nothing to train");
}

Response make_model(Call& call, const TrainingModel& model, Promise& first) {
  auto& tinker = call.parts.tinker;
  first.session = model.session;
  first.owner = model.id;
  first.number = 0;
  first.hash = sha256(plain_json(call.request().body));
  first.body = call.request().body;
  const Promise kept = tinker.models().create(model, first, tinker.config().models);
  if (kept.id == first.id) tinker.training().wake(model.id);
  return json_response(promise_json(kept));
}

Response create_model(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  Promise first = new_promise(call, "create_model");
  TrainingModel model = read_new_model(call, fields);
  const ModelEntry base = base_of_call(call, fields.text("base_model", 512));
  model.base = base.name;
  model.shape.alpha = base.adapter_alpha;
  read_lora(fields, call.parts.config.tinker.max_rank, call.parts.models.facts(base).has_own_head,
            model, first);
  fields.pass_over({"type"});
  fields.finish();
  return make_model(call, model, first);
}

/// A load whose session is named makes a model with the checkpoint's adapters.
Response load_weights(Call& call) {
  const auto body = call.body();
  if (!body.contains("session_id"))
    return submit_command(call, *find_training_command(kLoadWeights));
  Fields fields(body, "");
  Promise first = new_promise(call, kLoadWeights);
  TrainingModel model = read_new_model(call, fields);
  const auto checkpoint = checkpoint_of_call(call, parse_trained_path(fields.text("path", 1024)));
  model.base = fields.optional_text("base_model", 512).value_or(checkpoint.base);
  model.shape = checkpoint.shape;
  if (model.base != checkpoint.base)
    refuse_field("base_model", "is not the checkpoint's, which is " + checkpoint.base);
  try {
    find_training_command(kLoadWeights)->check(call.request().body, {});
  } catch (const RequestError& error) {
    throw HttpError(422, error.what(), "invalid_value");
  }
  return make_model(call, model, first);
}

Response unload_model(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const TrainingModel model = training_model_of_call(call, fields.text("model_id", 512));
  call.parts.tinker.close_model(model.id);
  Promise promise = new_promise(call, "unload_model");
  promise.session = model.session;
  promise.owner = model.id;
  call.parts.tinker.models().add_kept(
      promise, dump_json({{"model_id", model.id}, {"type", "unload_model"}}));
  return json_response(promise_json(promise));
}

/// A folder that transformers loads by itself, where there is one.
std::string tokenizer_of(const ModelEntry& base) {
  namespace fs = std::filesystem;
  const bool is_loadable = fs::exists(fs::path(base.path) / "tokenizer.json");
  return is_loadable ? base.path : base.name;
}

Response get_info(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const TrainingModel model = training_model_of_call(call, fields.text("model_id", 512));
  const auto base = call.parts.models.find(model.base, call.project());
  return json_response(
      {{"type", "get_info"},
       {"model_id", model.id},
       {"model_data",
        {{"model_name", model.base}, {"tokenizer_id", base ? tokenizer_of(*base) : model.base}}},
       {"optimizer_config", {{"type", "adamw"}}},
       {"is_lora", true},
       {"lora_rank", model.shape.rank},
       {"model_name", model.base}});
}

constexpr Route kTinkerTrainingRoutes[] = {
    {"POST", "/api/v1/create_model", Scope::jobs, "begin to train adapters",
     answering<create_model>, BodyKind::json},
    {"POST", "/api/v1/get_info", Scope::jobs, "what a training model is", answering<get_info>,
     BodyKind::json},
    {"POST", "/api/v1/forward_backward", Scope::jobs, "logprobs, loss and gradient of a batch",
     answering<submitting<kForwardBackward>>, BodyKind::protobuf},
    {"POST", "/api/v1/optim_step", Scope::jobs, "one step of the optimizer",
     answering<submitting<kOptimStep>>, BodyKind::json},
    {"POST", "/api/v1/save_weights", Scope::jobs, "a checkpoint to train on from",
     answering<submitting<kSaveWeights>>, BodyKind::json},
    {"POST", "/api/v1/save_weights_for_sampler", Scope::jobs, "weights to sample with",
     answering<submitting<kSaveForSampler>>, BodyKind::json},
    {"POST", "/api/v1/save_weights_external", Scope::jobs, "weights for download",
     answering<submitting<kSaveExternal>>, BodyKind::json},
    {"POST", "/api/v1/load_weights", Scope::jobs, "go on from a checkpoint",
     answering<load_weights>, BodyKind::json},
    {"POST", "/api/v1/unload_model", Scope::jobs, "let a training model go",
     answering<unload_model>, BodyKind::json},
};

}  // namespace

extern const Resource kTinkerTrainingResource{"tinker training", kTinkerTrainingRoutes};

}  // namespace gradus::service
