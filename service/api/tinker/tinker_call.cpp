#include "service/api/tinker/tinker_call.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <charconv>
#include <ctime>

#include "base/json.h"

namespace gradus::service {
namespace {

int64_t read_query_integer(const Request& request, const char* name, int64_t if_absent, int64_t low,
                           int64_t high) {
  const std::string text = request.query_value(name);
  if (text.empty()) return if_absent;
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < low ||
      value > high)
    refuse_field(name, fmt::format("must be an integer from {} to {}", low, high));
  return value;
}

}  // namespace

Session session_of_call(const Call& call, const std::string& id) {
  const auto session = call.parts.tinker.sessions().find(id, call.project());
  if (session) return *session;
  throw HttpError(404, "There is no session `" + id + "`.", "session_not_found", "session_id");
}

TrainingModel training_model_of_call(const Call& call, const std::string& id) {
  const auto model = call.parts.tinker.models().find(id, call.project());
  if (model) return *model;
  throw HttpError(404, "There is no training model `" + id + "`.", "model_not_found", "model_id");
}

ModelEntry base_of_call(const Call& call, const std::string& name) {
  const auto entry = call.parts.models.find(name, call.project());
  if (!entry)
    throw HttpError(404, "The model `" + name + "` does not exist; see get_server_capabilities.",
                    "model_not_found", "base_model");
  if (!entry->base.empty())
    throw HttpError(400, "The model `" + name + "` is a set of adapters; name its base.",
                    "invalid_value", "base_model");
  return *entry;
}

TrainedCheckpoint checkpoint_of_call(const Call& call, const TrainedPath& path) {
  const auto checkpoint = call.parts.tinker.checkpoints().find(path, call.project());
  if (checkpoint) return *checkpoint;
  throw HttpError(
      404,
      "There is no checkpoint tinker://" + path.model + "/" + path.kind + "/" + path.name + ".",
      "checkpoint_not_found", "path");
}

ListWish read_list(const Request& request) {
  return {read_query_integer(request, "limit", 20, 1, 1000),
          read_query_integer(request, "offset", 0, 0, INT64_MAX)};
}

nlohmann::json cursor_json(const ListWish& wish, int64_t total) {
  return {{"limit", wish.limit}, {"offset", wish.offset}, {"total_count", total}};
}

std::string time_text(int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

nlohmann::json text_or_nothing(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

nlohmann::json metadata_texts(const nlohmann::json& metadata) {
  if (metadata.is_null()) return nullptr;
  nlohmann::json texts = nlohmann::json::object();
  for (const auto& [key, value] : metadata.items())
    texts[key] = value.is_string() ? value : nlohmann::json(dump_json(value));
  return texts;
}

nlohmann::json checkpoint_json(const TrainedCheckpoint& checkpoint) {
  std::string type = "training";
  if (checkpoint.kind == "sampler_weights") type = "sampler";
  if (checkpoint.kind == "external_weights") type = "external";
  return {{"checkpoint_id", checkpoint.kind + "/" + checkpoint.name},
          {"checkpoint_type", type},
          {"time", time_text(checkpoint.created)},
          {"tinker_path", checkpoint.path()},
          {"size_bytes", checkpoint.bytes},
          {"public", checkpoint.is_public},
          {"user_metadata", metadata_texts(checkpoint.metadata)},
          {"expires_at", checkpoint.expires > 0 ? nlohmann::json(time_text(checkpoint.expires))
                                                : nlohmann::json()}};
}

uint64_t fresh_seed() {
  uint64_t seed = 0;
  while (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
  }
  return seed;
}

Promise new_promise(const Call& call, const std::string& kind) {
  Promise promise;
  promise.id = random_id("prm-");
  promise.project = call.project();
  promise.kind = kind;
  promise.key = call.key.id;
  promise.seed = fresh_seed();
  return promise;
}

nlohmann::json promise_json(const Promise& promise) {
  return {{"request_id", promise.id}, {"model_id", promise.owner}};
}

}  // namespace gradus::service
