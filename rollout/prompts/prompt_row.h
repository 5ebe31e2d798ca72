#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "rollout/prompts/prompt_template.h"

namespace gradus::rollout {

/// How data rows become prompts.
struct RowRules {
  PromptTemplate prompt_template{""};
  std::string system;    ///< put before a chat that has no system message of its own
  bool as_chat = false;  ///< text becomes a user's message; false: chats are refused
};

/// A data row that was read: text or a chat, and the row as reward rules see it; or a problem.
struct PromptRow {
  std::string text;         ///< when messages is null
  nlohmann::json messages;  ///< [{role, content, ...}] or null
  nlohmann::json row;
  std::string problem;  ///< why the row can't be used; empty: it can
};

/// Reads one of the row's forms, the first that is there:
///
///   messages  chat; the last message is not the assistant's
///   prompt    text or chat
///   question  text
///
/// With a template, text is the filled template instead, whatever columns it names.
/// Every column stays in `row` as it is (GSM8K's "... #### 72" too: reward rules know that form).
/// Content that is a list of text parts is joined.
PromptRow read_row(nlohmann::json row, const RowRules& rules);

}  // namespace gradus::rollout
