#include "rl/stages/text_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/files/data_format.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "rollout/prompts/epoch_order.h"
#include "rollout/tasks/generated_task.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

constexpr int64_t kMostTexts = 2'000'000;  // of which all tokens are held in memory

int32_t end_token(const policy::Tokenizer& tokenizer) {
  if (tokenizer.eos_ids().empty())
    throw ConfigError(
        "model.path: the tokenizer names no end token, so that a response could "
        "not be ended; add eos_token to its tokenizer_config.json");
  return tokenizer.eos_ids().front();
}

class ResponseSource final : public TextSource {
 public:
  ResponseSource(std::unique_ptr<rollout::PromptSource> prompts,
                 const policy::LoadedTokenizer& tokenizer, const TextConfig& config,
                 int max_context)
      : prompts_(std::move(prompts)),
        tokenizer_(*tokenizer.tokenizer),
        column_(config.response),
        max_context_(static_cast<size_t>(max_context)) {}

  int64_t size() const override { return prompts_->size(); }

  TextExample at(int64_t index) const override {
    const rollout::Prompt prompt = prompts_->at(index);
    TextExample example = make_response_example(tokenizer_, prompt.tokens, response_of(prompt));
    if (example.tokens.size() > max_context_) {
      example.num_cut = static_cast<int64_t>(example.tokens.size() - max_context_);
      example.tokens.resize(max_context_);
      example.is_target.resize(max_context_);
    }
    return example;
  }

 private:
  std::string response_of(const rollout::Prompt& prompt) const {
    if (!column_.empty()) {
      if (prompt.row.contains(column_) && prompt.row[column_].is_string())
        return prompt.row[column_].get<std::string>();
      throw FileError(prompt.id, "missing_column",
                      fmt::format("has no text in the column {} (text.response)", column_));
    }
    for (const char* column : {"response", "completion", "answer"})
      if (prompt.row.contains(column) && prompt.row[column].is_string())
        return prompt.row[column].get<std::string>();
    throw FileError(prompt.id, "missing_column",
                    "has no text in response, completion or answer; name its column in "
                    "text.response");
  }

  std::unique_ptr<rollout::PromptSource> prompts_;
  const policy::Tokenizer& tokenizer_;
  std::string column_;
  size_t max_context_;
};

class DocumentSource final : public TextSource {
 public:
  DocumentSource(std::vector<std::vector<int32_t>> pieces, bool is_shuffled, uint64_t seed)
      : pieces_(std::move(pieces)),
        order_(static_cast<int64_t>(pieces_.size()), seed, is_shuffled) {}

  int64_t size() const override { return static_cast<int64_t>(pieces_.size()); }

  TextExample at(int64_t index) const override {
    const auto& tokens = pieces_[static_cast<size_t>(order_.row_at(index))];
    TextExample example{tokens, std::vector<uint8_t>(tokens.size(), 1)};
    example.is_target.front() = 0;
    return example;
  }

 private:
  std::vector<std::vector<int32_t>> pieces_;
  rollout::EpochOrder order_;
};

std::string text_of(const json& row, const std::string& where) {
  const auto text = [&](const char* column) -> std::optional<std::string> {
    if (!row.contains(column) || !row[column].is_string()) return std::nullopt;
    return row[column].get<std::string>();
  };
  if (row.is_object()) {
    if (auto whole = text("text")) return *whole;
    const auto prompt = text("prompt");
    const auto response = text("response");
    if (prompt && response) return *prompt + *response;
  }
  throw FileError(where, "bad_row", "holds neither `text` nor `prompt` and `response`");
}

// Pieces share no token: a cut costs the prediction of one token, and needs no second copy.
void cut(const std::vector<int32_t>& tokens, size_t length,
         std::vector<std::vector<int32_t>>& out) {
  for (size_t begin = 0; begin < tokens.size(); begin += length) {
    const size_t end = std::min(tokens.size(), begin + length);
    if (end - begin >= 2) out.emplace_back(tokens.begin() + begin, tokens.begin() + end);
  }
}

/// Documents as pieces of tokens, each document with its end.
class DocumentCutter {
 public:
  DocumentCutter(const policy::LoadedTokenizer& tokenizer, int64_t sequence_length)
      : encoder_(*tokenizer.tokenizer),
        end_(end_token(encoder_)),
        length_(static_cast<size_t>(sequence_length)) {}

  void add(const std::string& text) {
    auto tokens = encoder_.with_special(encoder_.encode(text, false));
    // Without an end the model would never learn to stop.
    if (tokens.empty() || tokens.back() != end_) tokens.push_back(end_);
    cut(tokens, length_, pieces_);
  }

  const std::vector<std::vector<int32_t>>& pieces() const { return pieces_; }
  std::vector<std::vector<int32_t>> take() { return std::move(pieces_); }

 private:
  const policy::Tokenizer& encoder_;
  int32_t end_;
  size_t length_;
  std::vector<std::vector<int32_t>> pieces_;
};

}  // namespace

TextExample make_response_example(const policy::Tokenizer& tokenizer, std::vector<int32_t> prompt,
                                  const std::string& response) {
  TextExample example{std::move(prompt), {}};
  example.is_target.assign(example.tokens.size(), 0);
  // Special tokens' strings in a data row are text, as they are in a user's message.
  const auto tokens = tokenizer.encode(response, false);
  example.tokens.insert(example.tokens.end(), tokens.begin(), tokens.end());
  example.tokens.push_back(end_token(tokenizer));
  example.is_target.resize(example.tokens.size(), 1);
  example.is_target.front() = 0;  // nothing stands before it
  return example;
}

std::unique_ptr<TextSource> make_response_source(std::unique_ptr<rollout::PromptSource> prompts,
                                                 const policy::LoadedTokenizer& tokenizer,
                                                 const TextConfig& config, int max_context) {
  return std::make_unique<ResponseSource>(std::move(prompts), tokenizer, config, max_context);
}

std::unique_ptr<TextSource> make_document_source(const std::string& path, int64_t count,
                                                 const policy::LoadedTokenizer& tokenizer,
                                                 const TextConfig& config, bool is_shuffled,
                                                 uint64_t seed) {
  DocumentCutter cutter(tokenizer, config.sequence_length);
  refuse_other_formats(path);
  LineReader reader(path);
  for (int64_t taken = 0; const auto line = reader.next(); ++taken) {
    if (count > 0 && taken == count) break;
    if (count == 0 && taken == kMostTexts)
      throw FileError(path, "too_many_rows",
                      "holds more than 2,000,000 texts; say how many to keep in memory with "
                      "text.count");
    cutter.add(text_of(parse_json(line->text, reader.where()), reader.where()));
  }
  if (cutter.pieces().empty()) throw FileError(path, "empty", "holds no text to learn from");
  return std::make_unique<DocumentSource>(cutter.take(), is_shuffled, seed);
}

std::unique_ptr<TextSource> make_generated_documents(const rollout::DataConfig& data,
                                                     const policy::LoadedTokenizer& tokenizer,
                                                     const TextConfig& config, uint64_t seed) {
  DocumentCutter cutter(tokenizer, config.sequence_length);
  for (int64_t i = 0; i < data.count; ++i) {
    const auto row = rollout::generate_task(data.task, data.options, seed, data.offset + i);
    cutter.add(text_of(row, fmt::format("data.task {}:{}", data.task, data.offset + i)));
  }
  return std::make_unique<DocumentSource>(cutter.take(), data.shuffle, seed);
}

}  // namespace gradus::rl
