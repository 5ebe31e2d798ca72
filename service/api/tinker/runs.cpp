// Training models as records: what was trained, by whom, with which checkpoints.
#include "service/api/tinker/tinker_call.h"

namespace gradus::service {
namespace {

nlohmann::json newest_json(const Call& call, const std::string& model, const char* kind) {
  const auto checkpoint = call.parts.tinker.checkpoints().newest(model, kind);
  return checkpoint ? checkpoint_json(*checkpoint) : nlohmann::json();
}

nlohmann::json run_json(const Call& call, const TrainingModel& model) {
  return {{"training_run_id", model.id},
          {"base_model", model.base},
          {"model_owner", model.project},
          {"is_lora", true},
          {"corrupted", !model.fault.empty()},
          {"lora_rank", model.shape.rank},
          {"last_request_time", time_text(model.last_request)},
          {"last_checkpoint", newest_json(call, model.id, "weights")},
          {"last_sampler_checkpoint", newest_json(call, model.id, "sampler_weights")},
          {"user_metadata", metadata_texts(model.metadata)}};
}

Response get_run(Call& call) {
  return json_response(run_json(call, training_model_of_call(call, call.place("run"))));
}

Response list_runs(Call& call) {
  const ListWish wish = read_list(call.request());
  const auto page = call.parts.tinker.models().list(call.project(), wish);
  auto runs = nlohmann::json::array();
  for (const auto& model : page.models) runs.push_back(run_json(call, model));
  return json_response(
      {{"training_runs", std::move(runs)}, {"cursor", cursor_json(wish, page.total)}});
}

constexpr Route kTinkerRunRoutes[] = {
    {"GET", "/api/v1/training_runs", Scope::infer, "list training models", answering<list_runs>},
    {"GET", "/api/v1/training_runs/{run}", Scope::infer, "a training model's record",
     answering<get_run>},
};

}  // namespace

extern const Resource kTinkerRunsResource{"tinker runs", kTinkerRunRoutes};

}  // namespace gradus::service
