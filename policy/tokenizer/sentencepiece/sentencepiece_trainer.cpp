#include "policy/tokenizer/sentencepiece/sentencepiece_trainer.h"

#include <sentencepiece_trainer.h>

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_proto.h"

namespace gradus::policy {
namespace {

std::string comma_list(const std::vector<std::string>& symbols) {
  std::string out;
  for (const std::string& symbol : symbols) {
    if (symbol.empty() || symbol.find_first_of(",\"\n") != std::string::npos) {
      throw ArgumentError("user-defined symbol \"" + symbol +
                          "\" must not be empty nor hold a comma, quote or line end");
    }
    out += (out.empty() ? "" : ",") + symbol;
  }
  return out;
}

std::unordered_map<std::string, std::string> trainer_flags(const SentencePieceTraining& options) {
  const auto flag = [](bool on) { return std::string(on ? "true" : "false"); };
  std::unordered_map<std::string, std::string> flags{
      {"model_type", "bpe"},
      {"vocab_size", std::to_string(options.vocab_size)},
      {"byte_fallback", flag(options.byte_fallback)},
      {"split_digits", flag(options.split_digits)},
      {"character_coverage", std::to_string(options.character_coverage)},
      {"normalization_rule_name", "identity"},
      {"remove_extra_whitespaces", "false"},
      {"add_dummy_prefix", flag(options.add_dummy_prefix)},
      {"allow_whitespace_only_pieces", "true"},
      {"hard_vocab_limit", "true"},
      {"shuffle_input_sentence", "false"},
      {"num_threads", "1"},
      {"max_sentence_length", "1000000"},
      {"minloglevel", "2"},
      {"unk_id", "0"},
      {"bos_id", "1"},
      {"eos_id", "2"},
      {"pad_id", "-1"},
      {"unk_piece", options.unk_piece},
      {"bos_piece", options.bos_piece},
      {"eos_piece", options.eos_piece},
  };
  if (!options.user_defined_symbols.empty()) {
    flags["user_defined_symbols"] = comma_list(options.user_defined_symbols);
  }
  return flags;
}

class LineIterator : public sentencepiece::SentenceIterator {
 public:
  explicit LineIterator(std::span<const std::string> lines) : lines_(lines) {}
  bool done() const override { return at_ >= lines_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return lines_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::span<const std::string> lines_;
  size_t at_ = 0;
};

}  // namespace

std::string train_sentencepiece(const SentencePieceTraining& options,
                                std::span<const std::string> lines) {
  if (std::all_of(lines.begin(), lines.end(), [](const auto& line) { return line.empty(); })) {
    throw ArgumentError("a SentencePiece model cannot be trained on no text");
  }
  std::string bytes;
  LineIterator iterator(lines);
  const auto status =
      sentencepiece::SentencePieceTrainer::Train(trainer_flags(options), &iterator, &bytes);
  if (!status.ok()) {
    throw ArgumentError("training a SentencePiece model failed: " + status.ToString());
  }
  return SentencePieceProto::parse(bytes).serialize();
}

}  // namespace gradus::policy
