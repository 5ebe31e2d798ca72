#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "policy/tokenizer/load_tokenizer.h"
#include "rollout/prompts/epoch_order.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rl {

/// Two answers to one prompt, of which one is better.
struct AnswerPair {
  std::vector<int32_t> prompt;
  std::vector<int32_t> chosen;    ///< the end token included
  std::vector<int32_t> rejected;  ///< the same
  double margin = 0.0;            ///< by how much it is better; of the column `margin`

  int64_t num_tokens() const {
    return static_cast<int64_t>(prompt.size() + chosen.size() + rejected.size());
  }
};

/// Pairs by number, read and tokenised as a whole (4 bytes a token): pair i of a seeded, endless
/// order is a pure function of (file, seed, i).
///
/// A row is one of
///   {"prompt": text or messages, "chosen": answer, "rejected": answer}
///   {"chosen": messages, "rejected": messages}   chats that differ in their last message alone
/// where an answer is text, or a list of one assistant's message. `question` and `messages` may
/// stand for `prompt`, and data.template, system, chat, chat_template, offset, count and shuffle
/// mean what they mean for prompts.
class PairSource {
 public:
  /// @throws FileError  a row of another form, naming it, or no pair that fits the context.
  PairSource(const rollout::DataConfig& data, const policy::LoadedTokenizer& tokenizer,
             int max_context, uint64_t seed);

  int64_t size() const { return static_cast<int64_t>(pairs_.size()); }
  int64_t num_left_out() const { return num_left_out_; }
  /// The row of the file's usable ones that pair i of the order is.
  int64_t row_at(int64_t index) const { return order_->row_at(index); }
  const AnswerPair& row(int64_t row) const { return pairs_[static_cast<size_t>(row)]; }
  /// Of all tokens, in the file's order: other pairs have another one.
  uint64_t digest() const;
  /// Empty, or the sentence that says what was left out.
  const std::string& notice() const { return notice_; }

 private:
  std::vector<AnswerPair> pairs_;
  std::unique_ptr<rollout::EpochOrder> order_;
  int64_t num_left_out_ = 0;  ///< do not fit the context
  std::string notice_;
};

}  // namespace gradus::rl
