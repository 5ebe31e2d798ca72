#include "service/api/grader_desk.h"

#include <future>

#include "base/clock.h"
#include "base/error.h"
#include "rewards/graders/spec_reader.h"
#include "service/http/message.h"

namespace gradus::service {
namespace {

using namespace rewards::graders;

GraderPythonConfig python_config(bool may_be_weak) {
  GraderPythonConfig config;
  config.plugin.num_workers = 2;
  if (may_be_weak) apply_set(config, "isolation=weak");
  return config;
}

/// Who answers graders here.
class DeskServices final : public GraderServices {
 public:
  DeskServices(PythonRunner& python, ModelHost& models, std::string project)
      : python_(python), models_(models), project_(std::move(project)) {}

  PythonReply run_python(const std::string& source, const nlohmann::json& sample,
                         const nlohmann::json& item) override {
    return python_.run(source, sample, item);
  }

  EndpointReply call_endpoint(const EndpointRequest& /*request*/) override {
    EndpointReply reply;
    reply.details = "endpoints are asked by jobs alone";
    return reply;
  }

  ModelReply ask_model(const ModelRequest& request) override {
    ModelReply reply;
    reply.model = request.model;
    try {
      ask(request, reply);
    } catch (const std::exception& error) {  // none throws for what the other side did
      reply.details = error.what();
    }
    return reply;
  }

 private:
  void ask(const ModelRequest& request, ModelReply& reply) {
    const auto model = models_.use(request.model, project_);
    auto messages = nlohmann::ordered_json::parse(request.messages.dump());
    for (auto& message : messages)
      if (message["role"] == "developer") message["role"] = "system";
    GenerationRequest wanted;
    wanted.tokens = model->encode_chat(model->render_chat(messages, nullptr, nullptr));
    const auto& sampling = request.sampling;
    const double temperature = sampling.value("temperature", 1.0);
    wanted.sampling.temperature = temperature < 1e-3 ? 0.0 : std::min(temperature, 100.0);
    wanted.sampling.top_p = sampling.value("top_p", 1.0);
    wanted.sampling.max_tokens =
        static_cast<int>(sampling.value("max_completion_tokens", int64_t{1024}));
    wanted.seed = static_cast<uint64_t>(sampling.value("seed", int64_t{0}));
    std::promise<GenerationResult> done;
    auto result = done.get_future();
    wanted.on_done = [&](GenerationResult value) { done.set_value(std::move(value)); };
    reply.usage.prompt_tokens = std::ssize(wanted.tokens);
    model->submit(std::move(wanted));
    const GenerationResult answer = result.get();
    if (!answer.error.empty() || answer.completions.empty()) {
      reply.details = answer.error;
      return;
    }
    const GeneratedText& text = answer.completions.front();
    if (text.finish == rollout::FinishReason::failed) {
      reply.details = text.error;
      return;
    }
    reply.outcome = AskOutcome::answered;
    reply.text = text.text;
    reply.usage.completion_tokens = std::ssize(text.tokens);
  }

  PythonRunner& python_;
  ModelHost& models_;
  std::string project_;
};

}  // namespace

GraderDesk::GraderDesk(ModelHost& models, bool python_may_be_weak)
    : models_(models), python_(python_config(python_may_be_weak)) {}

void GraderDesk::check(const nlohmann::json& grader, const std::string& where,
                       const std::string& project) {
  DeskServices services(python_, models_, project);
  try {
    make_grader(grader, services, where);
  } catch (const GraderSpecError& error) {
    throw HttpError(400, error.what(), error.code(), error.param());
  } catch (const ArgumentError& error) {
    throw HttpError(400, error.what(), "invalid_value", where);
  }
  check_parts(grader, where, project);
}

void GraderDesk::check_parts(const nlohmann::json& grader, const std::string& where,
                             const std::string& project) {
  const std::string type = grader.at("type");
  if (type == "multi") {
    const auto& parts = grader.at("graders");
    if (parts.is_object() && parts.contains("type") && parts.at("type").is_string())
      return check_parts(parts, where + ".graders", project);
    for (const auto& [key, part] : parts.items())
      check_parts(part, where + ".graders." + key, project);
  } else if (type == "python") {
    const std::string fault = python_.check(grader.at("source"));
    if (!fault.empty()) {
      throw HttpError(400, "Invalid '" + where + ".source': " + fault, "invalid_value",
                      where + ".source");
    }
  } else if (type == "score_model" || type == "label_model") {
    const std::string name = grader.at("model");
    if (!models_.find(name, project)) {
      throw HttpError(400,
                      "Invalid '" + where + ".model': the model '" + name + "' does not exist.",
                      "model_not_found", where + ".model");
    }
  }
}

nlohmann::json GraderDesk::run(const nlohmann::json& grader, const std::string& sample,
                               const nlohmann::json& item, const std::string& project) {
  DeskServices services(python_, models_, project);
  const auto made = make_grader(grader, services);
  const double begin = machine_clock().now_s();
  const auto value = make_sample(sample);
  const GraderScore score = made->grade({item, value});
  return run_response(*made, score, machine_clock().now_s() - begin);
}

}  // namespace gradus::service
