#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gradus::policy {

/// What a chat template is rendered with. JSON keeps its order: `tojson` prints it.
struct ChatInput {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  nlohmann::ordered_json tools = nullptr;  ///< null: none
  bool add_generation_prompt = false;      ///< end with what opens the assistant's turn
  /// The last message is the assistant's and is gone on with: what the template writes behind its
  /// text is cut off (transformers' continue_final_message).
  bool continue_final_message = false;
  nlohmann::ordered_json variables = nullptr;  ///< more by name: bos_token, enable_thinking, ...
  /// For strftime_now; absent: the system's clock.
  std::optional<std::chrono::system_clock::time_point> now;
};

/// A checkpoint's chat template: the part of Jinja2 that such templates use, with transformers'
/// settings (trim_blocks, lstrip_blocks, sandboxed, `tojson` without HTML escapes).
///
/// Statements: for (else, if, recursive, unpacking, loop.*), if, set (also blocks and namespaces),
/// macro, call, with, filter, block, raw, generation, break, continue. Expressions: all of
/// Jinja2's. What is not known is refused by name when the template is read, as Jinja2 does, unless
/// an `if` decides whether it is reached: then where it is. Rendering is bounded in steps, memory
/// and output. Copies share the parsed template; const methods may run at once.
class ChatTemplate {
 public:
  /// @throws gradus::Error  "chat template, line L, column C: ..."
  static ChatTemplate parse(std::string text);

  /// @throws gradus::Error  the messages do not fit the template, it refuses them itself
  ///         (raise_exception), or a budget is spent.
  std::string render(const ChatInput& input) const;
  std::string render(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                     bool add_generation_prompt,
                     const nlohmann::ordered_json& variables = nullptr) const;

  const std::string& text() const;

 private:
  std::string render_continued(ChatInput input) const;

  struct Parsed;
  explicit ChatTemplate(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;
};

}  // namespace gradus::policy
