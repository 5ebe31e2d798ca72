#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "policy/tokenizer/tokenizer.h"
#include "rollout/rollout_request.h"
#include "service/grammar/matcher.h"

namespace gradus::service {

/// A vocabulary as a tree of bytes, made once a model.
class TokenTree {
 public:
  explicit TokenTree(const policy::Tokenizer& tokenizer, int64_t vocab_size);

  struct Node {
    std::vector<std::pair<unsigned char, int32_t>> children;  ///< ascending by byte
    std::vector<int32_t> tokens;                              ///< that end here
  };
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::string& bytes_of(int32_t token) const { return bytes_[static_cast<size_t>(token)]; }
  size_t num_tokens() const { return bytes_.size(); }
  /// Bytes that are a token by themselves.
  const ByteSet& single_bytes() const { return single_bytes_; }
  const std::vector<int32_t>& end_tokens() const { return end_tokens_; }

 private:
  std::vector<Node> nodes_;
  std::vector<std::string> bytes_;
  ByteSet single_bytes_;
  std::vector<int32_t> end_tokens_;
};

/// Holds completions to a grammar: a token may come when some whole text goes on with its bytes, an
/// end token when the text is whole; so no invalid text ends by itself, and no valid one is lost
/// that the vocabulary spells byte by byte (vocabularies without tokens of single bytes leave out
/// characters that they cannot write alone). Calls for several completions may run at once.
class GrammarEditor final : public rollout::LogitEditor {
 public:
  /// @throws GrammarError  the vocabulary cannot spell any text of the grammar.
  GrammarEditor(Grammar grammar, std::shared_ptr<const TokenTree> tree);

  void edit(int completion, std::span<const int32_t> tokens, std::span<float> logits) override;

 private:
  struct Progress {
    size_t num_tokens = 0;
    Matcher::State state;
  };

  const std::vector<bool>& mask_of(const Matcher::State& state);
  void walk(int32_t node, const Matcher::State& state, std::vector<bool>& mask);

  Grammar grammar_;
  std::shared_ptr<const TokenTree> tree_;
  std::mutex mutex_;
  Matcher matcher_;
  std::map<int, Progress> progress_;
  std::map<Matcher::State, std::vector<bool>> masks_;
};

}  // namespace gradus::service
