#include "service/models/output_parts.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

constexpr std::string_view kThink = "<think>";
constexpr std::string_view kThinkEnd = "</think>";
constexpr std::string_view kToolCall = "<tool_call>";
constexpr std::string_view kToolCallEnd = "</tool_call>";

/// Bytes at the end of the text that may begin the tag.
size_t length_of_beginning(std::string_view text, std::string_view tag) {
  for (size_t count = std::min(text.size(), tag.size() - 1); count > 0; --count) {
    if (text.substr(text.size() - count) == tag.substr(0, count)) return count;
  }
  return 0;
}

}  // namespace

OutputParts::OutputParts(Wish wish)
    : wish_(wish),
      part_(!wish.thinking ? Part::content : (wish.is_open ? Part::reasoning : Part::begin)) {}

OutputParts::Piece OutputParts::push(std::string_view text) {
  held_ += text;
  return take(false);
}

OutputParts::Piece OutputParts::finish() {
  return take(true);
}

OutputParts::Piece OutputParts::take(bool is_over) {
  Piece piece;
  bool goes_on = true;
  while (goes_on) {
    switch (part_) {
      case Part::begin:
        goes_on = take_begin(is_over);
        break;
      case Part::reasoning:
        goes_on = take_reasoning(is_over, piece.reasoning);
        break;
      case Part::content:
        goes_on = take_content(is_over, piece.content);
        break;
      case Part::call:
        goes_on = take_call(is_over, piece.content);
        break;
    }
  }
  return piece;
}

bool OutputParts::take_begin(bool is_over) {
  const size_t begin = std::min(held_.find_first_not_of(" \t\r\n"), held_.size());
  const std::string_view text = std::string_view(held_).substr(begin);
  if (text.substr(0, kThink.size()) == kThink) {
    held_.erase(0, begin + kThink.size());
    part_ = Part::reasoning;
    return true;
  }
  if (!is_over && kThink.substr(0, text.size()) == text) return false;
  part_ = Part::content;
  return true;
}

bool OutputParts::take_reasoning(bool is_over, std::string& reasoning) {
  const size_t end = held_.find(kThinkEnd);
  if (end == std::string::npos) {
    const size_t kept = is_over ? 0 : length_of_beginning(held_, kThinkEnd);
    reasoning += held_.substr(0, held_.size() - kept);
    held_.erase(0, held_.size() - kept);
    return false;
  }
  reasoning += held_.substr(0, end);
  held_.erase(0, end + kThinkEnd.size());
  part_ = Part::content;
  skips_lines_ = true;  // the blank lines between the two belong to neither
  return true;
}

bool OutputParts::take_content(bool is_over, std::string& content) {
  if (skips_lines_) {
    held_.erase(0, std::min(held_.find_first_not_of("\r\n"), held_.size()));
    skips_lines_ = held_.empty();
  }
  const size_t begin = wish_.tool_calls ? held_.find(kToolCall) : std::string::npos;
  if (begin != std::string::npos) {
    content += held_.substr(0, begin);
    held_.erase(0, begin);
    part_ = Part::call;
    return true;
  }
  const size_t kept = is_over || !wish_.tool_calls ? 0 : length_of_beginning(held_, kToolCall);
  content += held_.substr(0, held_.size() - kept);
  held_.erase(0, held_.size() - kept);
  return false;
}

bool OutputParts::take_call(bool is_over, std::string& content) {
  const size_t end = held_.find(kToolCallEnd);
  if (end == std::string::npos && !is_over) return false;
  const size_t length = std::min(end, held_.size());
  read_call(std::string_view(held_).substr(kToolCall.size(), length - kToolCall.size()), content);
  held_.erase(0, end == std::string::npos ? held_.size() : end + kToolCallEnd.size());
  part_ = Part::content;
  return !held_.empty();
}

void OutputParts::read_call(std::string_view text, std::string& content) {
  try {
    const auto call = parse_json(text, "tool call");
    const auto& name = call.at("name").get_ref<const std::string&>();
    const auto arguments = call.value("arguments", nlohmann::json::object());
    calls_.push_back({{"id", random_id("call_")},
                      {"type", "function"},
                      {"function",
                       {{"name", name},
                        {"arguments", arguments.is_string() ? arguments.get<std::string>()
                                                            : dump_json(arguments)}}}});
  } catch (const std::exception&) {
    // Not a call after all: the text is the model's answer.
    content += std::string(kToolCall) + std::string(text) + std::string(kToolCallEnd);
  }
}

}  // namespace gradus::service
