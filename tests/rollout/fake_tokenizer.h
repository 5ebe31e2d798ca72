#pragma once

#include <string>
#include <vector>

#include "policy/tokenizer/tokenizer.h"

namespace gradus::rollout::testing {

/// One token per piece of a fixed list; the last id is eos.
class PieceTokenizer : public policy::Tokenizer {
 public:
  explicit PieceTokenizer(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {
    pieces_.emplace_back("<eos>");
    policy::SpecialIds ids;
    ids.eos = {static_cast<int32_t>(pieces_.size()) - 1};
    set_special_ids(ids);
  }
  /// The 26 letters, then eos.
  static std::vector<std::string> letters() {
    std::vector<std::string> pieces;
    for (char c = 'a'; c <= 'z'; ++c) pieces.emplace_back(1, c);
    return pieces;
  }

  int32_t vocab_size() const override { return static_cast<int32_t>(pieces_.size()); }
  std::vector<int32_t> encode(std::string_view text, bool) const override {
    std::vector<int32_t> ids;
    for (const char c : text)
      for (size_t i = 0; i < pieces_.size(); ++i)
        if (pieces_[i] == std::string(1, c)) ids.push_back(static_cast<int32_t>(i));
    return ids;
  }
  std::string decode(std::span<const int32_t> ids, bool) const override {
    std::string text;
    for (const int32_t id : ids) text += token_bytes(id);
    return text;
  }
  std::string token_bytes(int32_t id) const override {
    return id < vocab_size() ? pieces_[static_cast<size_t>(id)] : "";
  }
  bool is_special(int32_t id) const override { return id == vocab_size() - 1; }
  std::optional<int32_t> find(std::string_view) const override { return std::nullopt; }
  policy::GgufTokenizerKeys gguf_metadata() const override { return {}; }
  std::vector<policy::TokenizerFile> source_files() const override { return {}; }

 private:
  std::vector<std::string> pieces_;
};

}  // namespace gradus::rollout::testing
