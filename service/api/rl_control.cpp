// What another trainer asks of the server as its sampler: the verbs of vLLM's RL control.
#include <chrono>
#include <map>
#include <string>
#include <thread>

#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/models/model_host.h"

namespace gradus::service {
namespace {

/// A pause that waits for what runs answers after this at the latest, and says whether all is done.
constexpr double kMostWait_s = 60.0;

const std::map<std::string, PauseMode>& pause_modes() {
  static const std::map<std::string, PauseMode> modes{
      {"abort", PauseMode::abort}, {"wait", PauseMode::wait}, {"keep", PauseMode::keep}};
  return modes;
}

/// Whether the models came to rest in time.
bool comes_to_rest(const ModelHost& models) {
  for (double waited = 0.0; waited < kMostWait_s; waited += 0.02) {
    if (!models.is_sampling()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

Response pause_sampling(Call& call) {
  std::string mode = call.request().query_value("mode");
  if (mode.empty()) mode = "abort";
  const auto known = pause_modes().find(mode);
  if (known == pause_modes().end())
    throw HttpError(400, "Invalid 'mode': is '" + mode + "', must be abort, wait or keep.",
                    "invalid_value", "mode");
  ModelHost& models = call.parts.models;
  models.pause(known->second);
  const bool is_at_rest = known->second == PauseMode::keep || comes_to_rest(models);
  return json_response({{"status", "paused"}, {"mode", mode}, {"at_rest", is_at_rest}});
}

Response resume_sampling(Call& call) {
  call.parts.models.pause(PauseMode::none);
  return json_response({{"status", "resumed"}});
}

Response is_paused(Call& call) {
  return json_response({{"is_paused", call.parts.models.paused() != PauseMode::none}});
}

Response put_to_sleep(Call& call) {
  call.parts.models.sleep();
  return json_response({{"status", "asleep"}});
}

Response wake_up(Call& call) {
  call.parts.models.wake();
  return json_response({{"status", "awake"}});
}

Response is_sleeping(Call& call) {
  return json_response({{"is_sleeping", call.parts.models.is_asleep()}});
}

Response update_weights(Call& call) {
  const nlohmann::json body = call.body();
  Fields fields(body, "");
  const std::string model = fields.text("model", 256);
  const std::string path = fields.text("path", 4096);
  fields.finish();
  const int64_t version = call.parts.models.update_weights(model, path);
  return json_response({{"model", model}, {"path", path}, {"version", version}});
}

Response weight_info(Call& call) {
  auto data = nlohmann::json::array();
  for (const auto& weights : call.parts.models.weights())
    data.push_back(
        {{"model", weights.model}, {"path", weights.path}, {"version", weights.version}});
  return json_response({{"data", std::move(data)}});
}

constexpr Route kControlRoutes[] = {
    {"POST", "/pause", Scope::admin, "stop sampling (abort, wait or keep)",
     answering<pause_sampling>},
    {"POST", "/resume", Scope::admin, "sample on", answering<resume_sampling>},
    {"GET", "/is_paused", Scope::admin, "whether sampling is paused", answering<is_paused>},
    {"POST", "/sleep", Scope::admin, "take all models out of memory", answering<put_to_sleep>},
    {"POST", "/wake_up", Scope::admin, "load models again when they are asked for",
     answering<wake_up>},
    {"GET", "/is_sleeping", Scope::admin, "whether the models are asleep", answering<is_sleeping>},
    {"POST", "/update_weights", Scope::admin, "put other weights in place of a base model's",
     answering<update_weights>, BodyKind::json},
    {"GET", "/weight_info", Scope::admin, "weights of the base models and their versions",
     answering<weight_info>},
};

}  // namespace

extern const Resource kRlControlResource{"rl control", kControlRoutes};

}  // namespace gradus::service
