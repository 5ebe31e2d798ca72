// Sampling sessions, and samples.
#include <fmt/format.h>

#include "base/json.h"
#include "base/sha256.h"
#include "service/api/tinker/tinker_call.h"
#include "service/tinker/sample_wish.h"

namespace gradus::service {
namespace {

/// base_model and model_path of a body: at least one, and both of one model.
void read_weights(const Call& call, Fields& fields, Sampler& sampler) {
  const auto path = fields.optional_text("model_path", 1024);
  const auto base = fields.optional_text("base_model", 512);
  if (!path && !base) fields.need("base_model");
  if (!path) {
    sampler.base = base_of_call(call, *base).name;
    return;
  }
  const auto checkpoint = checkpoint_of_call(call, parse_trained_path(*path));
  if (base && *base != checkpoint.base)
    refuse_field("base_model", "is not that of model_path, which is " + checkpoint.base);
  sampler.base = checkpoint.base;
  sampler.path = *path;
  sampler.checkpoint = checkpoint.id;
}

Response create_sampling_session(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  Sampler sampler;
  sampler.project = call.project();
  sampler.session = session_of_call(call, fields.text("session_id", 256)).id;
  sampler.number = fields.integer("sampling_session_seq_id", 0, INT32_MAX).value_or(-1);
  if (sampler.number < 0) fields.need("sampling_session_seq_id");
  read_weights(call, fields, sampler);
  fields.pass_over({"type"});
  fields.finish();
  sampler.id = fmt::format("{}:sample:{}", sampler.session, sampler.number);
  call.parts.tinker.sessions().add(sampler);
  return json_response({{"type", "create_sampling_session"}, {"sampling_session_id", sampler.id}});
}

Sampler sampler_of_call(const Call& call, const std::string& id) {
  const auto sampler = call.parts.tinker.sessions().find_sampler(id, call.project());
  if (sampler) return *sampler;
  throw HttpError(404, "There is no sampling session `" + id + "`.", "sampler_not_found",
                  "sampling_session_id");
}

Response get_sampler(Call& call) {
  const Sampler sampler = sampler_of_call(call, call.place("sampler"));
  return json_response({{"sampler_id", sampler.id},
                        {"base_model", sampler.base},
                        {"model_path", text_or_nothing(sampler.path)}});
}

/// Who samples: a session of it, whose requests are numbered, or weights that the body names.
Sampler read_sampler(const Call& call, const nlohmann::json& body, Promise& promise) {
  Fields fields(body, "");
  Sampler sampler;
  if (const auto id = fields.optional_text("sampling_session_id", 512)) {
    sampler = sampler_of_call(call, *id);
    if (!call.parts.tinker.sessions().is_open(sampler.session))
      throw HttpError(400, "The session `" + sampler.session + "` is over; begin a new one.",
                      "session_over", "sampling_session_id");
    promise.number = fields.integer("seq_id", 0, INT64_MAX);
    promise.owner = sampler.id;
    promise.session = sampler.session;
    return sampler;
  }
  sampler.project = call.project();
  read_weights(call, fields, sampler);
  promise.owner = sampler.path.empty() ? sampler.base : sampler.path;
  return sampler;
}

Response sample(Call& call) {
  auto& tinker = call.parts.tinker;
  const auto body = call.body();
  Promise promise = new_promise(call, "sample");
  const Sampler sampler = read_sampler(call, body, promise);
  SampleWish wish;
  try {
    wish = read_sample(body, call.parts.models.facts(tinker.sampling().entry_of(sampler)));
  } catch (const RequestError& error) {
    throw HttpError(422, error.what(), "invalid_value");
  }
  if (wish.seed) promise.seed = *wish.seed;
  promise.hash = sha256(dump_json(body));
  promise.body = call.request().body;
  const Promise kept = tinker.promises().add_sample(promise, tinker.config().samples);
  if (kept.id == promise.id) tinker.sampling().submit(promise);
  auto ids = nlohmann::json::array();
  for (int i = 0; i < wish.num_samples; ++i) ids.push_back(fmt::format("{}:{}", kept.id, i));
  return json_response({{"request_id", kept.id}, {"sample_sequence_ids", std::move(ids)}});
}

constexpr Route kTinkerSamplingRoutes[] = {
    {"POST", "/api/v1/create_sampling_session", Scope::infer, "weights to sample with",
     answering<create_sampling_session>, BodyKind::json},
    {"GET", "/api/v1/samplers/{sampler}", Scope::infer, "what a sampling session samples with",
     answering<get_sampler>},
    {"POST", "/api/v1/asample", Scope::infer, "samples and logprobs of a prompt", answering<sample>,
     BodyKind::bulk_json},
};

}  // namespace

extern const Resource kTinkerSamplingResource{"tinker sampling", kTinkerSamplingRoutes};

}  // namespace gradus::service
