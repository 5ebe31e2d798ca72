// /v1/models: base models, and what this project's jobs made.
#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/jobs/job_store.h"
#include "service/models/model_host.h"

namespace gradus::service {
namespace {

nlohmann::json model_json(const ModelEntry& entry) {
  return {{"id", entry.name},
          {"object", "model"},
          {"created", entry.created},
          {"owned_by", entry.owner}};
}

ModelEntry model_of_call(Call& call) {
  const std::string& name = call.place("model");
  const auto entry = call.parts.models.find(name, call.project());
  if (entry) return *entry;
  throw HttpError(404, "The model '" + name + "' does not exist.", "model_not_found", "model");
}

Response list_models(Call& call) {
  auto data = nlohmann::json::array();
  for (const auto& entry : call.parts.models.list(call.project()))
    data.push_back(model_json(entry));
  return json_response({{"object", "list"}, {"data", std::move(data)}});
}

Response get_model(Call& call) {
  return json_response(model_json(model_of_call(call)));
}

Response delete_model(Call& call) {
  const ModelEntry entry = model_of_call(call);
  if (!entry.base.empty())
    throw HttpError(400, "Weights of a training session are deleted as its checkpoints are.",
                    "invalid_value", "model");
  if (entry.is_base() || entry.owner != call.project()) {
    throw HttpError(403, "Only fine-tuned models of your project can be deleted.",
                    "permission_denied", "model");
  }
  if (call.parts.models.is_in_use(entry.name) || call.parts.job_store.is_model_in_use(entry.name)) {
    throw HttpError(400, "The model is in use; try again when its requests and jobs have ended.",
                    "model_in_use", "model");
  }
  call.parts.job_store.remove_model(entry.name);
  call.parts.models.forget(entry.name);
  return json_response({{"id", entry.name}, {"object", "model"}, {"deleted", true}});
}

constexpr Route kModelRoutes[] = {
    {"GET", "/v1/models", Scope::infer, "list models", answering<list_models>},
    {"GET", "/v1/models/{model*}", Scope::infer, "a model's record", answering<get_model>},
    {"DELETE", "/v1/models/{model*}", Scope::jobs, "delete a fine-tuned model",
     answering<delete_model>},
};

}  // namespace

extern const Resource kModelsResource{"models", kModelRoutes};

}  // namespace gradus::service
