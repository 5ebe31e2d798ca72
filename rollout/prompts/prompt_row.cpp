#include "rollout/prompts/prompt_row.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/printable.h"

namespace gradus::rollout {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 5> kRoles = {"system", "developer", "user", "assistant",
                                                    "tool"};
constexpr std::pair<std::string_view, std::string_view> kShareGptRoles[] = {
    {"human", "user"},
    {"user", "user"},
    {"gpt", "assistant"},
    {"chatgpt", "assistant"},
    {"assistant", "assistant"},
    {"bot", "assistant"},
    {"model", "assistant"},
    {"system", "system"},
    {"tool", "tool"},
    {"observation", "tool"},
    {"function_response", "tool"}};

/// The column, or null: a null is as good as none.
const Json* column_of(const Json& row, const char* name) {
  const auto found = row.find(name);
  return found == row.end() || found->is_null() ? nullptr : &*found;
}

void drop_nulls(Json& object) {
  if (!object.is_object()) return;
  for (auto field = object.begin(); field != object.end();) {
    field = field->is_null() ? object.erase(field) : std::next(field);
  }
}

/// Nulls of a message are what a table needs where other rows have the field. What a call's
/// arguments hold is the caller's own.
void drop_nulls_of_message(Json& message) {
  drop_nulls(message);
  const auto calls = message.is_object() ? message.find("tool_calls") : message.end();
  if (!message.is_object() || calls == message.end() || !calls->is_array()) return;
  for (auto& call : *calls) {
    drop_nulls(call);
    if (call.is_object() && call.contains("function")) drop_nulls(call["function"]);
  }
}

/// Joins a list of text parts; anything else but text is left for the check to refuse.
void join_parts(Json& content) {
  if (!content.is_array() || content.empty()) return;
  std::string joined;
  for (const auto& part : content) {
    const auto text = part.is_object() ? part.find("text") : part.end();
    if (!part.is_object() || text == part.end() || !text->is_string()) return;
    joined += text->get<std::string>();
  }
  content = std::move(joined);
}

bool has_calls(const Json& message) {
  const auto calls = message.find("tool_calls");
  return calls != message.end() && calls->is_array() && !calls->empty();
}

/// What is wrong with message `index`; joins its content and drops its nulls.
std::string check_message(Json& message, size_t index) {
  const std::string name = "message " + std::to_string(index + 1);
  if (!message.is_object()) return name + " is not an object";
  drop_nulls_of_message(message);
  const auto role = message.find("role");
  if (role == message.end() || !role->is_string()) return name + " has no role";
  const auto& text = role->get_ref<const std::string&>();
  if (std::find(kRoles.begin(), kRoles.end(), text) == kRoles.end())
    return name + " has the unknown role \"" + printable(text, 100) +
           "\"; known: system, developer, user, assistant, tool";
  const auto content = message.find("content");
  if (content == message.end()) {
    return text == "assistant" && has_calls(message) ? "" : name + " has no content";
  }
  join_parts(*content);
  if (!content->is_string()) return name + "'s content is neither text nor a list of text parts";
  return {};
}

std::string check_chat(Json& messages) {
  if (!messages.is_array()) return "messages is not a list";
  if (messages.empty()) return "messages is empty";
  for (size_t i = 0; i < messages.size(); ++i)
    if (auto problem = check_message(messages[i], i); !problem.empty()) return problem;
  const auto& last = messages.back();
  if (last["role"] == "assistant" && !last.contains("content"))
    return "the last message is the assistant's and has no text to go on with";
  return {};
}

Json make_message(std::string_view role, const std::string& content) {
  return {{"role", role}, {"content", content}};
}

void put_system_first(Json& messages, const std::string& system) {
  if (system.empty()) return;
  const auto& role = messages.front()["role"];
  if (role == "system" || role == "developer") return;
  messages.insert(messages.begin(), make_message("system", system));
}

/// A column that holds JSON or its text, or null.
Json value_of_column(const Json& row, const char* name, std::string& problem) {
  const Json* value = column_of(row, name);
  if (value == nullptr) return nullptr;
  if (!value->is_string()) return *value;
  if (value->get_ref<const std::string&>().empty()) return nullptr;
  try {
    return parse_exact_json(value->get_ref<const std::string&>(), name);
  } catch (const Error& error) {
    problem = std::string("the column ") + error.what();
    return nullptr;
  }
}

void read_template_columns(PromptRow& prompt, const Json& row) {
  ChatRow& chat = prompt.chat;
  chat.tools = value_of_column(row, "tools", prompt.problem);
  chat.template_kwargs = value_of_column(row, "chat_template_kwargs", prompt.problem);
  if (!prompt.problem.empty()) return;
  if (!chat.tools.is_null() && !chat.tools.is_array()) {
    prompt.problem = "the column tools is not a list";
  } else if (!chat.template_kwargs.is_null() && !chat.template_kwargs.is_object()) {
    prompt.problem = "the column chat_template_kwargs is not an object";
  }
}

void read_chat(PromptRow& prompt, Json messages, const Json& row, const RowRules& rules) {
  prompt.problem = check_chat(messages);
  if (!prompt.problem.empty()) return;
  if (!rules.prompt_template.is_empty()) {
    prompt.problem = "data.template is for text, and the row is a chat; leave the template empty";
  } else if (!rules.as_chat) {
    prompt.problem =
        "the row is a chat, and there is no chat template (the checkpoint has none, or data.chat "
        "is "
        "false); give text in the column prompt or question, or a template in data.chat_template";
  } else {
    prompt.chat.continues = messages.back()["role"] == "assistant";
    put_system_first(messages, rules.system);
    prompt.chat.messages = std::move(messages);
    read_template_columns(prompt, row);
  }
}

void read_text(PromptRow& prompt, std::string text, const Json& row, const RowRules& rules) {
  if (!rules.prompt_template.is_empty()) {
    auto filled = rules.prompt_template.fill(prompt.row);
    prompt.problem = std::move(filled.problem);
    text = std::move(filled.text);
  }
  if (!rules.as_chat) {
    prompt.text = std::move(text);
    return;
  }
  prompt.chat.messages = Json::array();
  prompt.chat.messages.push_back(make_message("user", text));
  put_system_first(prompt.chat.messages, rules.system);
  if (prompt.problem.empty()) read_template_columns(prompt, row);
}

/// ShareGPT's {from, value} as {role, content}; what is neither stays, for the check to name.
Json messages_of_sharegpt(const Json& conversations, const Json& row) {
  if (!conversations.is_array()) return conversations;
  Json messages = Json::array();
  for (const auto& turn : conversations) {
    const auto from = turn.is_object() ? turn.find("from") : turn.end();
    const auto value = turn.is_object() ? turn.find("value") : turn.end();
    if (!turn.is_object() || from == turn.end() || value == turn.end() || !from->is_string()) {
      messages.push_back(turn);
      continue;
    }
    std::string role = from->get<std::string>();
    for (const auto& [theirs, ours] : kShareGptRoles) {
      if (role == theirs) {
        role = ours;
        break;
      }
    }
    Json message{{"role", role}, {"content", *value}};
    messages.push_back(std::move(message));
  }
  if (const Json* system = column_of(row, "system");
      system != nullptr && system->is_string() && !messages.empty()) {
    const bool has_own = messages.front().is_object() && messages.front().contains("role") &&
                         messages.front()["role"] == "system";
    if (!has_own && !system->get_ref<const std::string&>().empty()) {
      messages.insert(messages.begin(), make_message("system", system->get<std::string>()));
    }
  }
  return messages;
}

bool holds_chat(const Json& row) {
  const Json* prompt = column_of(row, "prompt");
  return column_of(row, "messages") != nullptr || (prompt != nullptr && prompt->is_array()) ||
         (prompt == nullptr && column_of(row, "question") == nullptr &&
          column_of(row, "conversations") != nullptr);
}

}  // namespace

PromptRow read_row(nlohmann::ordered_json row, const RowRules& rules) {
  PromptRow prompt;
  if (!row.is_object()) {
    prompt.problem = "the row is not an object";
    return prompt;
  }
  prompt.row = row;
  if (!rules.prompt_template.is_empty() && !holds_chat(row)) {
    read_text(prompt, {}, row, rules);
    return prompt;
  }
  for (const char* column : {"messages", "prompt", "question"}) {
    const Json* found = column_of(row, column);
    if (found == nullptr) continue;
    const bool is_messages = column == std::string_view("messages");
    if (is_messages || found->is_array()) {
      read_chat(prompt, *found, row, rules);
    } else if (found->is_string()) {
      read_text(prompt, found->get<std::string>(), row, rules);
    } else {
      prompt.problem = std::string("the column ") + column + " is neither text nor a chat";
    }
    return prompt;
  }
  if (const Json* conversations = column_of(row, "conversations")) {
    read_chat(prompt, messages_of_sharegpt(*conversations, row), row, rules);
    return prompt;
  }
  prompt.problem = "the row has none of the columns question, prompt, messages, conversations";
  return prompt;
}

}  // namespace gradus::rollout
