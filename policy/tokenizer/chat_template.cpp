#include "policy/tokenizer/chat_template.h"

#include "base/error.h"
#include "policy/tokenizer/jinja/evaluator.h"
#include "policy/tokenizer/jinja/syntax/parser.h"

namespace gradus::policy {
namespace {

constexpr size_t kMaxTemplateBytes = 1 << 20;

}  // namespace

struct ChatTemplate::Parsed {
  std::string text;
  jinja::Statement::Body body;
};

ChatTemplate ChatTemplate::parse(std::string text) {
  if (text.size() > kMaxTemplateBytes) throw Error("chat template: is larger than 1 MiB");
  auto parsed = std::make_shared<Parsed>();
  parsed->body = jinja::parse_template(text);
  parsed->text = std::move(text);
  return ChatTemplate(std::move(parsed));
}

const std::string& ChatTemplate::text() const {
  return parsed_->text;
}

namespace {

constexpr const char* kContinueTag = "CONTINUE_FINAL_MESSAGE_TAG ";

[[noreturn]] void refuse_to_continue(const char* why) {
  throw ArgumentError(std::string("the last message cannot be gone on with: ") + why);
}

}  // namespace

// The tag finds the end of the text whatever the template writes behind it.
std::string ChatTemplate::render_continued(ChatInput input) const {
  if (!input.messages.is_array() || input.messages.empty()) refuse_to_continue("there is none");
  auto& last = input.messages.back();
  if (!last.is_object() || !last.contains("content") || !last["content"].is_string()) {
    refuse_to_continue("it has no text");
  }
  input.continue_final_message = false;
  input.add_generation_prompt = false;
  const std::string tag = kContinueTag;
  const std::string word = tag.substr(0, tag.size() - 1);
  last["content"] = last["content"].get<std::string>() + tag;
  std::string text = render(input);
  const size_t end = text.rfind(word);
  if (end == std::string::npos) refuse_to_continue("the chat template leaves its text out");
  const bool keeps_space = text.compare(end, tag.size(), tag) == 0;
  text.resize(end);
  if (!keeps_space) text.resize(text.find_last_not_of(" \t\r\n\v\f") + 1);
  return text;
}

std::string ChatTemplate::render(const ChatInput& input) const {
  if (input.continue_final_message) return render_continued(input);
  if (!input.variables.is_null() && !input.variables.is_object()) {
    throw ArgumentError("a chat template's variables must be a JSON object");
  }
  using jinja::Value;
  std::vector<std::pair<std::string, Value>> variables;
  if (input.variables.is_object()) {
    for (const auto& [name, value] : input.variables.items()) {
      variables.emplace_back(name, Value::from_json(value));
    }
  }
  // What transformers always gives; a name of the variables may not hide the arguments.
  const bool has_documents = input.variables.is_object() && input.variables.contains("documents");
  if (!has_documents) variables.emplace_back("documents", Value::none());
  variables.emplace_back("messages", Value::from_json(input.messages));
  variables.emplace_back("tools", Value::from_json(input.tools));
  variables.emplace_back("add_generation_prompt", Value::boolean(input.add_generation_prompt));
  return jinja::evaluate(parsed_->body, std::move(variables),
                         input.now.value_or(std::chrono::system_clock::now()), jinja::Budget{});
}

std::string ChatTemplate::render(const nlohmann::ordered_json& messages,
                                 const nlohmann::ordered_json& tools, bool add_generation_prompt,
                                 const nlohmann::ordered_json& variables) const {
  ChatInput input;
  input.messages = messages;
  input.tools = tools;
  input.add_generation_prompt = add_generation_prompt;
  input.variables = variables;
  return render(input);
}

}  // namespace gradus::policy
