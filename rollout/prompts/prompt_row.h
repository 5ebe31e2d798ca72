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

/// A chat as a template is given it. Keys keep the order of the row.
struct ChatRow {
  nlohmann::ordered_json messages;         ///< [{role, content, ...}] or null: there is no chat
  nlohmann::ordered_json tools;            ///< of the column `tools`: a list, or null
  nlohmann::ordered_json template_kwargs;  ///< of `chat_template_kwargs`: an object, or null
  bool continues = false;  ///< the last message is the assistant's: the policy goes on with it
};

/// A data row that was read: text or a chat, and the row as reward rules see it; or a problem.
struct PromptRow {
  std::string text;  ///< when chat.messages is null
  ChatRow chat;
  nlohmann::json row;
  std::string problem;  ///< why the row can't be used; empty: it can
};

/// Reads one of the row's forms, the first that is there:
///
///   messages       chat
///   prompt         text or chat
///   question       text
///   conversations  chat in ShareGPT's form: {from, value}
///
/// With a template, text is the filled template instead, whatever columns it names. A null is as
/// good as no column and no field of a message. Content that is a list of text parts is joined.
/// `tools` and `chat_template_kwargs` may be JSON or its text. A chat that ends with the
/// assistant's message is gone on with.
/// Every column stays in `row` as it is (GSM8K's "... #### 72" too: reward rules know that form).
PromptRow read_row(nlohmann::ordered_json row, const RowRules& rules);

}  // namespace gradus::rollout
