#include "rl/stages/pairs/pair_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/data_format.h"
#include "base/files/jsonl.h"
#include "base/random.h"
#include "rollout/prompts/chat_renderer.h"
#include "rollout/prompts/prompt_renderer.h"
#include "rollout/prompts/prompt_row.h"

namespace gradus::rl {
namespace {

using PairJson = nlohmann::ordered_json;

[[noreturn]] void refuse_pair(const std::string& where, const std::string& what) {
  throw FileError(where, "bad_row", what);
}

bool is_assistant(const PairJson& message) {
  return message.is_object() && message.contains("role") && message.contains("content") &&
         message["role"] == "assistant";
}

/// The text of a message; nothing where its content is neither text nor a list of text parts.
std::optional<std::string> content_of(const PairJson& message) {
  const PairJson& content = message["content"];
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array() || content.empty()) return std::nullopt;
  std::string text;
  for (const PairJson& part : content) {
    if (!part.is_object() || part.value("type", "") != "text" || !part.contains("text") ||
        !part["text"].is_string())
      return std::nullopt;
    text += part["text"].get<std::string>();
  }
  return text;
}

/// Text, or the content of the one assistant's message.
std::string answer_text(const PairJson& row, const char* column, const std::string& where) {
  if (!row.contains(column)) refuse_pair(where, fmt::format("has no {}", column));
  const PairJson& answer = row[column];
  if (answer.is_string()) return answer.get<std::string>();
  const PairJson& message = answer.is_array() && answer.size() == 1 ? answer[0] : answer;
  if (is_assistant(message))
    if (auto text = content_of(message)) return *std::move(text);
  refuse_pair(where, fmt::format("{} is neither text nor one message of the assistant", column));
}

bool has_prompt(const PairJson& row) {
  for (const char* column : {"prompt", "messages", "question"})
    if (row.contains(column) && !row[column].is_null()) return true;
  return false;
}

/// Two whole chats as a prompt and two answers.
void split_chats(PairJson& row, const std::string& where) {
  for (const char* column : {"chosen", "rejected"})
    if (!row.contains(column) || !row[column].is_array() || row[column].size() < 2 ||
        !is_assistant(row[column].back()))
      refuse_pair(where, fmt::format("has no prompt, and {} is no chat that ends with the "
                                     "assistant's message",
                                     column));
  PairJson before[2];
  for (const size_t i : {size_t{0}, size_t{1}}) {
    PairJson& chat = row[i == 0 ? "chosen" : "rejected"];
    before[i] = chat;
    before[i].erase(before[i].size() - 1);
    chat = PairJson::array({chat.back()});
  }
  if (before[0] != before[1])
    refuse_pair(where, "chosen and rejected differ before their last message");
  row["messages"] = before[0];
}

/// The form of OpenAI's fine-tuning files: {input: {messages, tools}, preferred_output,
/// non_preferred_output}.
void take_openai_form(PairJson& row, const std::string& where) {
  if (!row.contains("preferred_output") && !row.contains("non_preferred_output")) return;
  if (!row.contains("input") || !row["input"].is_object() || !row["input"].contains("messages"))
    refuse_pair(where, "has preferred_output, and no input.messages");
  for (const auto& [theirs, ours] :
       {std::pair{"preferred_output", "chosen"}, std::pair{"non_preferred_output", "rejected"}}) {
    if (!row.contains(theirs)) refuse_pair(where, fmt::format("has no {}", theirs));
    row[ours] = row[theirs];
    row.erase(theirs);
  }
  for (const char* column : {"messages", "tools"})
    if (row["input"].contains(column)) row[column] = row["input"][column];
  row.erase("input");
}

/// Reads rows into pairs.
class PairReader {
 public:
  PairReader(const rollout::DataConfig& data, const policy::LoadedTokenizer& tokenizer)
      : encoder_(*tokenizer.tokenizer), render_chat_(rollout::make_chat_renderer(data, tokenizer)) {
    rules_.prompt_template = rollout::PromptTemplate(data.template_text);
    rules_.system = data.system;
    rules_.as_chat = static_cast<bool>(render_chat_);
    if (encoder_.eos_ids().empty())
      throw ConfigError(
          "model.path: the tokenizer names no end token, so that an answer could not be ended; add "
          "eos_token to its tokenizer_config.json");
  }

  AnswerPair read(PairJson row, const std::string& where) const {
    if (!row.is_object()) refuse_pair(where, "is no object");
    take_openai_form(row, where);
    if (!has_prompt(row)) split_chats(row, where);
    AnswerPair pair;
    pair.chosen = answer(answer_text(row, "chosen", where));
    pair.rejected = answer(answer_text(row, "rejected", where));
    if (row.contains("margin") && row["margin"].is_number()) pair.margin = row["margin"];
    row.erase("chosen");
    row.erase("rejected");
    const auto read = rollout::read_row(std::move(row), rules_);
    if (!read.problem.empty()) refuse_pair(where, read.problem);
    pair.prompt = rollout::encode_to_continue(encoder_, prompt_text(read, where));
    if (pair.prompt.empty()) refuse_pair(where, "its prompt has no tokens");
    return pair;
  }

 private:
  std::string prompt_text(const rollout::PromptRow& row, const std::string& where) const {
    if (row.chat.messages.is_null()) return row.text;
    try {
      return render_chat_(row.chat);
    } catch (const Error& error) {  // it cannot know the row
      refuse_pair(where, error.what());
    }
  }

  // Special tokens' strings in a data row are text, as they are in a user's message.
  std::vector<int32_t> answer(const std::string& text) const {
    auto tokens = encoder_.encode(text, false);
    tokens.push_back(encoder_.eos_ids().front());
    return tokens;
  }

  const policy::Tokenizer& encoder_;
  rollout::PromptRenderer::RenderChat render_chat_;
  rollout::RowRules rules_;
};

}  // namespace

PairSource::PairSource(const rollout::DataConfig& data, const policy::LoadedTokenizer& tokenizer,
                       int max_context, uint64_t seed) {
  refuse_other_formats(data.path);
  const PairReader reader(data, tokenizer);
  LineReader lines(data.path);
  std::string first_skipped;
  for (int64_t row = 0; const auto line = lines.next(); ++row) {
    if (row < data.offset) continue;
    if (data.count > 0 && row >= data.offset + data.count) break;
    auto pair = reader.read(parse_exact_json(line->text, lines.where()), lines.where());
    const size_t longest = pair.prompt.size() + std::max(pair.chosen.size(), pair.rejected.size());
    if (longest <= static_cast<size_t>(max_context)) {
      pairs_.push_back(std::move(pair));
    } else if (num_left_out_++ == 0) {
      first_skipped = fmt::format("{}: {} tokens, the model's context holds {}", lines.where(),
                                  longest, max_context);
    }
  }
  if (pairs_.empty())
    throw FileError(data.path, "empty",
                    "holds no pair that fits the model's context" +
                        (first_skipped.empty() ? "" : "; the first: " + first_skipped));
  if (num_left_out_ > 0)
    notice_ = fmt::format("{}: {} pairs left out of {}, the first: {}", data.path, num_left_out_,
                          num_left_out_ + size(), first_skipped);
  order_ = std::make_unique<rollout::EpochOrder>(size(), seed, data.shuffle);
}

uint64_t PairSource::digest() const {
  uint64_t digest = 0;
  for (const AnswerPair& pair : pairs_)
    for (const auto* tokens : {&pair.prompt, &pair.chosen, &pair.rejected}) {
      const auto* bytes = reinterpret_cast<const char*>(tokens->data());
      const uint64_t part = hash_text({bytes, tokens->size() * sizeof(int32_t)});
      digest = digest * 1099511628211ULL + part;
    }
  return digest;
}

}  // namespace gradus::rl
