#include "service/api/openai/job_fields.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "service/api/grader_desk.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/models/model_host.h"
#include "service/store/files.h"

namespace gradus::service {
namespace {

int64_t seed_by_chance() {
  uint32_t seed = 0;
  while (::getrandom(&seed, sizeof(seed), 0) != sizeof(seed)) {
  }
  return seed & 0x7FFFFFFF;
}

bool is_automatic(Fields& fields, const std::string& key) {
  const auto* value = fields.find(key);
  if (value == nullptr || *value == "auto") return true;
  if (value->is_string()) refuse_field_type(fields.path(key), "a number or 'auto'", *value);
  return false;
}

void check_integer(Fields& fields, const char* key, int64_t low, int64_t high) {
  if (!is_automatic(fields, key)) fields.integer(key, low, high);
}

void check_number(Fields& fields, const char* key, double low, double high) {
  if (!is_automatic(fields, key)) fields.number(key, low, high, true);
}

void check_common_knobs(Fields& knobs) {
  check_integer(knobs, "batch_size", 1, 256);
  check_integer(knobs, "n_epochs", 1, 50);
  check_number(knobs, "learning_rate_multiplier", 0.0, 1e6);
}

void check_reinforcement(Call& call, const nlohmann::json& inner) {
  Fields fields(inner, "method.reinforcement");
  const auto& grader = fields.need("grader");
  if (const auto* hyperparameters = fields.find("hyperparameters")) {
    Fields knobs(*hyperparameters, "method.reinforcement.hyperparameters");
    check_common_knobs(knobs);
    check_number(knobs, "compute_multiplier", 1e-5, 10.0);
    check_integer(knobs, "eval_interval", 1, 1 << 30);
    check_integer(knobs, "eval_samples", 1, 1024);
    const auto* effort = knobs.find("reasoning_effort");
    if (effort != nullptr && *effort != "default" && *effort != "auto")
      knobs.choice("reasoning_effort", {"low", "medium", "high"});
    knobs.finish();
  }
  if (fields.find("response_format") != nullptr) {
    throw HttpError(400, "Invalid 'method.reinforcement.response_format': is not supported.",
                    "unsupported_parameter", "method.reinforcement.response_format");
  }
  fields.finish();
  call.parts.graders.check(grader, "method.reinforcement.grader", call.project());
}

void check_other(const nlohmann::json& inner, const std::string& type) {
  Fields fields(inner, "method." + type);
  if (const auto* hyperparameters = fields.find("hyperparameters")) {
    Fields knobs(*hyperparameters, "method." + type + ".hyperparameters");
    check_common_knobs(knobs);
    if (type == "dpo") check_number(knobs, "beta", 0.0, 2.0);
    knobs.finish();
  }
  fields.finish();
}

nlohmann::json read_method(Call& call, Fields& body) {
  const auto* method = body.find("method");
  const auto* old = body.find("hyperparameters");
  if (method == nullptr) {
    nlohmann::json made{{"type", "supervised"}, {"supervised", nlohmann::json::object()}};
    if (old != nullptr) made["supervised"]["hyperparameters"] = *old;
    check_other(made["supervised"], "supervised");
    return made;
  }
  Fields fields(*method, "method");
  fields.need("type");
  const std::string type = *fields.choice("type", {"supervised", "dpo", "reinforcement"});
  const auto* inner = fields.find(type);
  if (type == "reinforcement") {
    check_reinforcement(call, fields.need("reinforcement"));
  } else if (inner != nullptr) {
    check_other(*inner, type);
  }
  fields.finish();
  nlohmann::json read = *method;
  if (type == "supervised" && old != nullptr && inner == nullptr)
    read["supervised"]["hyperparameters"] = *old;
  return read;
}

std::string read_file_field(Call& call, Fields& body, const char* key, bool is_needed) {
  if (is_needed) body.need(key);
  const auto id = body.optional_text(key);
  if (!id) return "";
  const auto file = call.parts.files.find(*id, call.project());
  if (!file) {
    throw HttpError(400, fmt::format("Invalid '{}': no such file: {}", key, *id), "invalid_value",
                    key);
  }
  if (file->purpose != "fine-tune") {
    throw HttpError(400,
                    fmt::format("Invalid '{}': the file's purpose is '{}', must be 'fine-tune'.",
                                key, file->purpose),
                    "invalid_value", key);
  }
  return *id;
}

std::string read_suffix(Fields& body) {
  const auto suffix = body.optional_text("suffix", 64);
  if (!suffix) return "";
  const bool is_plain = !suffix->empty() && std::ranges::all_of(*suffix, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
  if (!is_plain) refuse_field("suffix", "must have 1 to 64 letters, digits, '.', '_' or '-'");
  return *suffix;
}

nlohmann::json read_integrations(Fields& body) {
  const auto* list = body.find("integrations");
  if (list == nullptr) return nullptr;
  if (!list->is_array()) refuse_field_type("integrations", "an array", *list);
  if (!list->empty()) {
    throw HttpError(400,
                    "Invalid 'integrations': none is supported; a run's TensorBoard events lie in "
                    "its folder.",
                    "unsupported_parameter", "integrations");
  }
  return *list;
}

nlohmann::json or_null_text(const std::string& text) {
  return text.empty() ? nlohmann::json() : nlohmann::json(text);
}

}  // namespace

Job read_job(Call& call, const nlohmann::json& body) {
  Fields fields(body, "");
  Job job;
  job.project = call.project();
  job.key = call.key.id;
  job.model = fields.text("model", 256);
  const auto entry = call.parts.models.find(job.model, call.project());
  if (!entry) {
    throw HttpError(404, "The model '" + job.model + "' does not exist.", "model_not_found",
                    "model");
  }
  if (!entry->base.empty())
    refuse_field("model", "is a set of adapters of a training session; name its base");
  job.training_file = read_file_field(call, fields, "training_file", true);
  job.validation_file = read_file_field(call, fields, "validation_file", false);
  job.method = read_method(call, fields);
  job.hyperparameters = nlohmann::json::object();
  if (job.method["type"] == "supervised" && job.method["supervised"].is_object())
    job.hyperparameters =
        job.method["supervised"].value("hyperparameters", nlohmann::json::object());
  job.suffix = read_suffix(fields);
  job.seed = fields.integer("seed", 0, INT32_MAX).value_or(seed_by_chance());
  job.metadata = read_metadata(fields);
  job.integrations = read_integrations(fields);
  if (const auto* gradus = fields.find("gradus")) job.gradus = *gradus;
  fields.pass_over({"hyperparameters"});
  fields.finish();
  return job;
}

nlohmann::json job_json(const Job& job, const std::string& organization) {
  nlohmann::json json{
      {"object", "fine_tuning.job"},
      {"id", job.id},
      {"created_at", job.created},
      {"error", job.error},
      {"fine_tuned_model", or_null_text(job.fine_tuned_model)},
      {"finished_at", job.finished > 0 ? nlohmann::json(job.finished) : nlohmann::json()},
      {"hyperparameters", job.hyperparameters},
      {"model", job.model},
      {"organization_id", organization},
      {"result_files", job.result_files},
      {"status", job.status},
      {"trained_tokens",
       job.trained_tokens ? nlohmann::json(*job.trained_tokens) : nlohmann::json()},
      {"training_file", job.training_file},
      {"validation_file", or_null_text(job.validation_file)},
      {"seed", job.seed},
      {"estimated_finish",
       job.estimated_finish > 0 ? nlohmann::json(job.estimated_finish) : nlohmann::json()},
      {"integrations", job.integrations.is_null() ? nlohmann::json::array() : job.integrations},
      {"metadata", job.metadata},
      {"method", job.method},
      {"user_provided_suffix", or_null_text(job.suffix)}};
  if (!json["hyperparameters"].is_object()) json["hyperparameters"] = nlohmann::json::object();
  if (!job.gradus.is_null()) json["gradus"] = job.gradus;
  return json;
}

nlohmann::json event_json(const JobEvent& event) {
  return {{"object", "fine_tuning.job.event"},
          {"id", event.id},
          {"created_at", event.created},
          {"level", event.level},
          {"message", event.message},
          {"type", event.type},
          {"data", event.data.is_null() ? nlohmann::json::object() : event.data}};
}

}  // namespace gradus::service
