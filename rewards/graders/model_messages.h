#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "rewards/graders/grader.h"
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

/// What a model grader asks: its `input` with a sample's values, the rest of the request as given.
class ModelQuestion {
 public:
  ModelQuestion(ModelRequest request, MessageTemplates input, GraderServices& services)
      : request_(std::move(request)), input_(std::move(input)), services_(services) {}

  struct Reply {
    GraderScore score;  // with the model, its usage and what went wrong; a fault: there is no text
    std::string text;
  };

  /// Asks, and turns everything but an answer into an error of the score.
  Reply ask(const TemplateValues& values) const;

 private:
  ModelRequest request_;
  MessageTemplates input_;
  GraderServices& services_;
};

}  // namespace gradus::rewards::graders
