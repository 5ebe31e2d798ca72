// Messages of a chat, from OpenAI's form into the one that templates know.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "service/api/openai/chat_run.h"

namespace gradus::service {
namespace {

const std::vector<std::string>& message_roles() {
  static const std::vector<std::string> roles{"system",    "developer", "user",
                                              "assistant", "tool",      "function"};
  return roles;
}

std::string joined_content(const nlohmann::json& content, const std::string& where) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) refuse_field_type(where, "a string or an array of parts", content);
  std::string text;
  for (size_t i = 0; i < content.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    Fields part(content[i], place);
    const std::string type = part.text("type");
    if (type == "refusal") {
      text += part.text("refusal");
      continue;
    }
    if (type != "text" && type != "input_text" && type != "output_text") {
      throw HttpError(400,
                      fmt::format("Invalid '{}.type': '{}' is not supported here.", place, type),
                      "unsupported_parameter", place + ".type");
    }
    text += part.text("text");
  }
  return text;
}

/// Calls with their arguments as objects, as templates print them.
nlohmann::ordered_json calls_of(const nlohmann::json& calls, const std::string& where) {
  if (!calls.is_array()) refuse_field_type(where, "an array", calls);
  auto list = nlohmann::ordered_json::array();
  for (size_t i = 0; i < calls.size(); ++i) {
    const std::string place = fmt::format("{}[{}]", where, i);
    Fields call(calls[i], place);
    Fields function(call.need("function"), place + ".function");
    nlohmann::ordered_json arguments = function.text("arguments");
    try {
      arguments = nlohmann::ordered_json::parse(arguments.get<std::string>());
    } catch (const std::exception&) {
      // Text that is no JSON stays text.
    }
    list.push_back({{"id", call.optional_text("id").value_or("")},
                    {"type", "function"},
                    {"function", {{"name", function.text("name")}, {"arguments", arguments}}}});
  }
  return list;
}

nlohmann::ordered_json read_message(const nlohmann::json& message, const std::string& where) {
  Fields fields(message, where);
  fields.need("role");
  std::string role = *fields.choice("role", message_roles());
  if (role == "developer") role = "system";
  nlohmann::ordered_json read{{"role", role}};
  const auto* calls = fields.find("tool_calls");
  const auto* content = fields.find("content");
  if (content != nullptr) {
    read["content"] = joined_content(*content, where + ".content");
  } else if (role == "assistant") {
    read["content"] = "";
  } else {
    fields.need("content");
  }
  if (calls != nullptr) read["tool_calls"] = calls_of(*calls, where + ".tool_calls");
  for (const char* key : {"name", "tool_call_id", "reasoning_content"}) {
    if (const auto text = fields.optional_text(key)) read[key] = *text;
  }
  fields.pass_over({"refusal", "audio", "annotations", "function_call"});
  fields.finish();
  return read;
}

}  // namespace

nlohmann::ordered_json read_messages(const nlohmann::json& messages, const std::string& where) {
  if (!messages.is_array()) refuse_field_type(where, "an array", messages);
  if (messages.empty())
    refuse_field(where, "expected an array with at least 1 message", "empty_array");
  auto list = nlohmann::ordered_json::array();
  for (size_t i = 0; i < messages.size(); ++i)
    list.push_back(read_message(messages[i], fmt::format("{}[{}]", where, i)));
  return list;
}

}  // namespace gradus::service
