#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gradus::service {

/// Tells a model's thinking, its answer and its calls of tools apart while the text arrives:
///
///   <think>reasoning</think>content<tool_call>{"name": ..., "arguments": {...}}</tool_call>
///
/// Text that may be the beginning of a tag waits for what follows. What never becomes a tag is
/// content, so that no text is lost. One completion each.
class OutputParts {
 public:
  struct Wish {
    bool thinking = false;  ///< <think> at the very beginning opens reasoning
    bool is_open = false;   ///< the prompt ends inside of it
    bool tool_calls = false;
  };
  struct Piece {
    std::string reasoning;
    std::string content;
  };

  explicit OutputParts(Wish wish);

  Piece push(std::string_view text);
  /// The text is over: what was held back.
  Piece finish();
  /// [{"id", "type": "function", "function": {"name", "arguments": text}}]; after finish.
  const nlohmann::json& tool_calls() const { return calls_; }

 private:
  enum class Part { begin, reasoning, content, call };

  Piece take(bool is_over);
  // Each uses up what it can of held_. @return  whether another part may go on with the rest.
  bool take_begin(bool is_over);
  bool take_reasoning(bool is_over, std::string& reasoning);
  bool take_content(bool is_over, std::string& content);
  bool take_call(bool is_over, std::string& content);
  void read_call(std::string_view text, std::string& content);

  Wish wish_;
  Part part_;
  std::string held_;
  bool skips_lines_ = false;
  nlohmann::json calls_ = nlohmann::json::array();
};

}  // namespace gradus::service
