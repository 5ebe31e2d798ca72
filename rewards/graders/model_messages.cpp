#include "rewards/graders/model_messages.h"

namespace gradus::rewards::graders {

using nlohmann::json;

MessageTemplates::MessageTemplates(SpecReader& spec) {
  const json& input = spec.value("input");
  const std::string where = spec.path("input");
  if (!input.is_array()) refuse_type(where, "an array of messages", input);
  if (input.empty()) refuse_value(where, "Invalid '" + where + "': has no message.");
  for (size_t i = 0; i < input.size(); ++i) {
    SpecReader reader(input[i], where + "[" + std::to_string(i) + "]");
    Message& message = messages_.emplace_back();
    message.role = reader.choice("role", {"user", "assistant", "system", "developer"});
    if (reader.optional_value("type") != nullptr) reader.choice("type", {"message"});
    read_content(reader.value("content"), reader.path("content"), message);
    reader.finish();
  }
}

void MessageTemplates::read_content(const json& content, const std::string& where,
                                    Message& message) {
  if (content.is_string()) {
    message.parts.push_back(read_template(content.get<std::string>(), where));
  } else if (content.is_array()) {
    for (size_t i = 0; i < content.size(); ++i) {
      if (content[i].is_array()) refuse_type(where, "a list of texts", content[i]);
      read_content(content[i], where + "[" + std::to_string(i) + "]", message);
    }
  } else {
    SpecReader reader(content, where);
    const json& type = reader.value("type");
    if (type == "input_image" || type == "input_audio") {
      refuse_value(reader.path("type"),
                   "Invalid value: '" + type.get<std::string>() + "'. Models here read text only.");
    }
    reader.choice("type", {"input_text", "output_text"});
    message.parts.push_back(reader.text_template("text"));
    reader.finish();
  }
}

RenderedMessages MessageTemplates::render(const TemplateValues& values) const {
  RenderedMessages rendered{json::array(), ""};
  for (const Message& message : messages_) {
    std::string content;
    for (const Template& part : message.parts) {
      const RenderedText text = part.render(values);
      if (!text.fault.empty()) return {nullptr, text.fault};
      content += text.text;
    }
    rendered.messages.push_back({{"role", message.role}, {"content", content}});
  }
  return rendered;
}

json read_sampling(SpecReader& spec) {
  json sampling = json::object();
  const json* field = spec.optional_value("sampling_params");
  if (field == nullptr) return sampling;
  SpecReader reader(*field, spec.path("sampling_params"));
  if (const auto seed = reader.optional_integer("seed", INT64_MIN, INT64_MAX)) {
    sampling["seed"] = *seed;
  }
  if (const auto top_p = reader.optional_number("top_p", 0, 1)) sampling["top_p"] = *top_p;
  if (const auto temperature = reader.optional_number("temperature", 0, 2)) {
    sampling["temperature"] = *temperature;
  }
  // OpenAI's field is spelt so; the request that it ends in is spelt otherwise.
  if (const auto tokens = reader.optional_integer("max_completions_tokens", 1, INT32_MAX)) {
    sampling["max_completion_tokens"] = *tokens;
  }
  if (reader.optional_value("reasoning_effort") != nullptr) {
    sampling["reasoning_effort"] =
        reader.choice("reasoning_effort", {"none", "minimal", "low", "medium", "high", "xhigh"});
  }
  reader.finish();
  return sampling;
}

ModelQuestion::Reply ModelQuestion::ask(const TemplateValues& values) const {
  RenderedMessages rendered = input_.render(values);
  if (!rendered.fault.empty()) {
    return {error_score(&GraderErrors::invalid_variable_error, rendered.fault), ""};
  }
  ModelRequest request = request_;
  request.messages = std::move(rendered.messages);
  ModelReply reply = services_.ask_model(request);
  Reply result;
  GraderScore& score = result.score;
  score.sampled_model = reply.model.empty() ? request.model : reply.model;
  score.usage[score.sampled_model] = reply.usage;
  result.text = std::move(reply.text);
  switch (reply.outcome) {
    case AskOutcome::answered:
      return result;
    case AskOutcome::refused:
      score.errors.model_grader_refusal_error = true;
      score.fault = "the model refused: " + reply.details;
      return result;
    case AskOutcome::timed_out:
      score.errors.unresponsive_reward_error = true;
      break;
    default:
      break;
  }
  score.errors.model_grader_server_error = true;
  score.errors.model_grader_server_error_details = reply.details;
  score.fault = reply.details;
  return result;
}

}  // namespace gradus::rewards::graders
