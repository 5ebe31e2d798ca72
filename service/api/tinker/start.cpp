// What a client asks before it begins: flags, models, whether the server is well.
#include <algorithm>

#include "service/api/tinker/tinker_call.h"

namespace gradus::service {
namespace {

/// Flags whose routes this server has; those that are left out are off.
Response client_config(Call& call) {
  return json_response(
      {{"parallel_fwdbwd_chunks", true},
       {"proto_compress_fwdbwd", false},
       {"sample_max_concurrent_requests", std::max(1, call.parts.config.http.requests / 4)}});
}

Response client_dynamic_config(Call& /*call*/) {
  return json_response({{"refresh_interval_sec", 300},
                        {"sample_cancel_enabled", true},
                        {"sample_cancel_max_batch_size", 16}});
}

Response tinker_health(Call& /*call*/) {
  return json_response({{"status", "ok"}});
}

Response capabilities(Call& call) {
  auto models = nlohmann::json::array();
  for (const auto& entry : call.parts.models.list(call.project())) {
    if (!entry.is_base()) continue;
    nlohmann::json model{{"model_name", entry.name}, {"trainable", true}, {"sampleable", true}};
    try {
      model["max_context_length"] = call.parts.models.facts(entry).context_length;
    } catch (const HttpError&) {
      // Its files cannot be read now: who asks for it is told why.
      continue;
    }
    models.push_back(std::move(model));
  }
  return json_response({{"supported_models", std::move(models)}});
}

/// What a client tells of itself is not kept.
Response telemetry(Call& /*call*/) {
  return json_response({{"status", "accepted"}});
}

constexpr Route kTinkerStartRoutes[] = {
    {"POST", "/api/v1/client/config", Scope::infer, "flags of a training client",
     answering<client_config>, BodyKind::json},
    {"POST", "/api/v1/client/dynamic_config", Scope::infer, "flags that may change",
     answering<client_dynamic_config>, BodyKind::json},
    {"GET", "/api/v1/healthz", Scope::open, "whether the server lives", answering<tinker_health>,
     BodyKind::none, true},
    {"GET", "/api/v1/get_server_capabilities", Scope::infer, "models to train and to sample",
     answering<capabilities>},
    {"POST", "/api/v1/telemetry", Scope::infer, "taken and dropped", answering<telemetry>,
     BodyKind::json},
};

}  // namespace

extern const Resource kTinkerStartResource{"tinker start", kTinkerStartRoutes};

}  // namespace gradus::service
