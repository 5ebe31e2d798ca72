#include "rl/stages/conversation_source.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/data_format.h"
#include "base/files/jsonl.h"
#include "rollout/prompts/chat_renderer.h"
#include "rollout/prompts/epoch_order.h"
#include "rollout/prompts/prompt_renderer.h"
#include "rollout/prompts/prompt_row.h"

namespace gradus::rl {
namespace {

using ChatJson = nlohmann::ordered_json;

constexpr int64_t kMostRows = 2'000'000;  // unless data.count says more: all are kept

bool ends_with_assistant(const ChatJson& row) {
  return row.is_object() && row.contains("messages") && row["messages"].is_array() &&
         row["messages"].size() > 1 && row["messages"].back().is_object() &&
         row["messages"].back().value("role", ChatJson()) == "assistant";
}

class ConversationSource final : public TextSource {
 public:
  ConversationSource(const rollout::DataConfig& data, const policy::LoadedTokenizer& tokenizer,
                     int max_context, uint64_t seed)
      : tokenizer_(tokenizer),
        max_context_(static_cast<size_t>(max_context)),
        render_chat_(rollout::make_chat_renderer(data, tokenizer)) {
    rules_.system = data.system;
    rules_.as_chat = true;
    read_all(data);
    order_ = std::make_unique<rollout::EpochOrder>(size(), seed, data.shuffle);
  }

  int64_t size() const override { return static_cast<int64_t>(examples_.size()); }
  TextExample at(int64_t index) const override {
    return examples_[static_cast<size_t>(order_->row_at(index))];
  }
  std::vector<std::string> notices() const override {
    if (num_skipped_ == 0) return {};
    return {fmt::format("data: {} rows left out of {}, the first: {}", num_skipped_,
                        num_skipped_ + size(), first_skipped_)};
  }

 private:
  void read_all(const rollout::DataConfig& data) {
    LineReader reader(data.path);
    for (int64_t row = 0; const auto line = reader.next(); ++row) {
      if (row < data.offset) continue;
      if (data.count > 0 && row >= data.offset + data.count) break;
      if (data.count == 0 && row >= data.offset + kMostRows) {
        throw FileError(data.path, "invalid_training_file",
                        "holds more than 2,000,000 chats; say how many to keep in memory with "
                        "data.count (and data.offset)");
      }
      add(parse_exact_json(line->text, reader.where()), reader.where());
    }
    if (examples_.empty())
      throw FileError(data.path, "empty",
                      "holds no chat that fits the model's context" +
                          (first_skipped_.empty() ? "" : "; the first: " + first_skipped_));
  }

  void add(ChatJson row, const std::string& where) {
    if (!ends_with_assistant(row) ||
        !row["messages"].back().value("content", ChatJson()).is_string())
      throw FileError(where, "bad_row", "its messages do not end with text of the assistant");
    const auto response = row["messages"].back()["content"].get<std::string>();
    row["messages"].erase(row["messages"].size() - 1);
    const auto read = rollout::read_row(std::move(row), rules_);
    if (!read.problem.empty()) throw FileError(where, "bad_row", read.problem);
    const policy::Tokenizer& encoder = *tokenizer_.tokenizer;
    auto example = make_response_example(
        encoder, rollout::encode_to_continue(encoder, prompt_text(read.chat, where)), response);
    if (example.tokens.size() <= max_context_) {
      examples_.push_back(std::move(example));
    } else if (num_skipped_++ == 0) {
      first_skipped_ = fmt::format("{}: {} tokens, the model's context holds {}", where,
                                   example.tokens.size(), max_context_);
    }
  }

  std::string prompt_text(const rollout::ChatRow& chat, const std::string& where) const {
    try {
      return render_chat_(chat);
    } catch (const Error& error) {  // it cannot know the row
      throw FileError(where, "bad_row", error.what());
    }
  }

  const policy::LoadedTokenizer& tokenizer_;
  size_t max_context_;
  rollout::PromptRenderer::RenderChat render_chat_;
  rollout::RowRules rules_;
  std::vector<TextExample> examples_;
  int64_t num_skipped_ = 0;  ///< too long
  std::string first_skipped_;
  std::unique_ptr<rollout::EpochOrder> order_;
};

}  // namespace

bool holds_conversations(const std::string& path) {
  refuse_other_formats(path);
  LineReader reader(path);
  const auto line = reader.next();
  return line && ends_with_assistant(parse_exact_json(line->text, reader.where()));
}

std::unique_ptr<TextSource> make_conversation_source(const rollout::DataConfig& data,
                                                     const policy::LoadedTokenizer& tokenizer,
                                                     int max_context, uint64_t seed) {
  if (!rollout::make_chat_renderer(data, tokenizer))
    throw ConfigError(
        "data.path: holds chats, and there is no chat template (the checkpoint has none, or "
        "data.chat is false); give `prompt` and `response` instead");
  return std::make_unique<ConversationSource>(data, tokenizer, max_context, seed);
}

}  // namespace gradus::rl
