#include "rollout/prompts/prompt_row.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace gradus::rollout {
namespace {

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};

/// Joins a list of text parts; anything else but text is left for the check to refuse.
void join_parts(nlohmann::json& content) {
  if (!content.is_array() || content.empty()) return;
  std::string joined;
  for (const auto& part : content) {
    const auto text = part.is_object() ? part.find("text") : part.end();
    if (!part.is_object() || text == part.end() || !text->is_string()) return;
    joined += text->get<std::string>();
  }
  content = std::move(joined);
}

/// What is wrong with message `index`; joins its content.
std::string check_message(nlohmann::json& message, size_t index) {
  const std::string name = "message " + std::to_string(index + 1);
  if (!message.is_object()) return name + " is not an object";
  const auto role = message.find("role");
  if (role == message.end() || !role->is_string()) return name + " has no role";
  const auto& text = role->get_ref<const std::string&>();
  if (std::find(kRoles.begin(), kRoles.end(), text) == kRoles.end())
    return name + " has the unknown role \"" + text +
           "\"; known: system, developer, user, assistant, tool";
  const auto content = message.find("content");
  if (content == message.end() || content->is_null()) return name + " has no content";
  join_parts(*content);
  if (!content->is_string()) return name + "'s content is neither text nor a list of text parts";
  return {};
}

std::string check_chat(nlohmann::json& messages) {
  if (!messages.is_array()) return "messages is not a list";
  if (messages.empty()) return "messages is empty";
  for (size_t i = 0; i < messages.size(); ++i)
    if (auto problem = check_message(messages[i], i); !problem.empty()) return problem;
  if (messages.back()["role"] == "assistant")
    return "the last message is the assistant's; the policy writes that one";
  return {};
}

nlohmann::json make_message(const char* role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

void put_system_first(nlohmann::json& messages, const std::string& system) {
  if (system.empty()) return;
  const auto& role = messages.front()["role"];
  if (role == "system" || role == "developer") return;
  messages.insert(messages.begin(), make_message("system", system));
}

void read_chat(PromptRow& prompt, nlohmann::json messages, const RowRules& rules) {
  prompt.problem = check_chat(messages);
  if (!prompt.problem.empty()) return;
  if (!rules.prompt_template.is_empty()) {
    prompt.problem = "data.template is for text, and the row is a chat; leave the template empty";
  } else if (!rules.as_chat) {
    prompt.problem =
        "the row is a chat, and there is no chat template (the checkpoint has none, or data.chat "
        "is "
        "false); give text in the column prompt or question";
  } else {
    put_system_first(messages, rules.system);
    prompt.messages = std::move(messages);
  }
}

void read_text(PromptRow& prompt, std::string text, const RowRules& rules) {
  if (!rules.prompt_template.is_empty()) {
    auto filled = rules.prompt_template.fill(prompt.row);
    prompt.problem = std::move(filled.problem);
    text = std::move(filled.text);
  }
  if (!rules.as_chat) {
    prompt.text = std::move(text);
    return;
  }
  prompt.messages = nlohmann::json::array();
  prompt.messages.push_back(make_message("user", text));
  put_system_first(prompt.messages, rules.system);
}

bool holds_chat(const nlohmann::json& row) {
  const auto prompt = row.find("prompt");
  return row.contains("messages") || (prompt != row.end() && prompt->is_array());
}

}  // namespace

PromptRow read_row(nlohmann::json row, const RowRules& rules) {
  PromptRow prompt;
  if (!row.is_object()) {
    prompt.problem = "the row is not an object";
    return prompt;
  }
  prompt.row = std::move(row);
  if (!rules.prompt_template.is_empty() && !holds_chat(prompt.row)) {
    read_text(prompt, {}, rules);
    return prompt;
  }
  for (const char* column : {"messages", "prompt", "question"}) {
    const auto found = prompt.row.find(column);
    if (found == prompt.row.end()) continue;
    const bool is_messages = column == std::string_view("messages");
    if (is_messages || found->is_array()) {
      read_chat(prompt, *found, rules);
    } else if (found->is_string()) {
      read_text(prompt, found->get<std::string>(), rules);
    } else {
      prompt.problem = std::string("the column ") + column + " is neither text nor a chat";
    }
    return prompt;
  }
  prompt.problem = "the row has none of the columns question, prompt, messages";
  return prompt;
}

}  // namespace gradus::rollout
