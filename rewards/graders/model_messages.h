#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rewards/graders/grader_errors.h"
#include "rewards/graders/grader_services.h"
#include "rewards/graders/spec_reader.h"

namespace gradus::rewards::graders {

struct RenderedMessages {
  nlohmann::json messages;  // [{role, content: text}]
  std::string fault;        // a placeholder without a value; empty: none
};

/// The `input` of a model grader: messages whose texts are templates.
///
/// Roles: user, assistant, system, developer. Content: a text, {type: input_text or output_text,
/// text}, or a list of those, which is joined. Images and sounds are refused.
class MessageTemplates {
 public:
  /// @throws GraderSpecError  the field is not of that form.
  explicit MessageTemplates(SpecReader& spec);

  RenderedMessages render(const TemplateValues& values) const;

 private:
  struct Message {
    std::string role;
    std::vector<Template> parts;
  };

  static void read_content(const nlohmann::json& content, const std::string& where,
                           Message& message);

  std::vector<Message> messages_;
};

/// The `sampling_params` of a model grader in the names of a chat request: temperature, top_p,
/// seed, max_completion_tokens, reasoning_effort; empty where the field is absent.
/// @throws GraderSpecError  unknown, of the wrong type, out of range.
nlohmann::json read_sampling(SpecReader& spec);

/// Asks, and turns everything but an answer into an error.
struct ModelAnswer {
  std::string text;
  GraderErrors errors;
  std::string fault;
  std::string model;
  TokenUsage usage;
};
ModelAnswer answer_of(GraderServices& services, const ModelRequest& request);

}  // namespace gradus::rewards::graders
