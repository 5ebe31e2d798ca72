#include "service/grammar/token_mask.h"

#include <algorithm>
#include <cmath>

namespace gradus::service {
namespace {

constexpr size_t kMaxMasks = 4096;

Grammar restricted(Grammar grammar, const ByteSet& bytes) {
  if (!grammar.restrict_to(bytes))
    throw GrammarError("the model's vocabulary cannot write any answer of this form");
  return grammar;
}

}  // namespace

TokenTree::TokenTree(const policy::Tokenizer& tokenizer, int64_t vocab_size)
    : nodes_(1), bytes_(static_cast<size_t>(vocab_size)), end_tokens_(tokenizer.eos_ids()) {
  const int32_t count = std::min<int32_t>(tokenizer.vocab_size(), static_cast<int32_t>(vocab_size));
  for (int32_t token = 0; token < count; ++token) {
    if (tokenizer.is_special(token)) continue;
    const std::string bytes = tokenizer.token_bytes(token);
    if (bytes.empty()) continue;
    if (bytes.size() == 1) single_bytes_.set(static_cast<unsigned char>(bytes[0]));
    size_t node = 0;
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      auto& children = nodes_[node].children;
      const auto child = std::ranges::lower_bound(children, byte, {},
                                                  [](const auto& entry) { return entry.first; });
      if (child != children.end() && child->first == byte) {
        node = static_cast<size_t>(child->second);
        continue;
      }
      const auto made = static_cast<int32_t>(nodes_.size());
      children.insert(child, {byte, made});
      nodes_.emplace_back();
      node = static_cast<size_t>(made);
    }
    nodes_[node].tokens.push_back(token);
    bytes_[static_cast<size_t>(token)] = bytes;
  }
}

GrammarEditor::GrammarEditor(Grammar grammar, std::shared_ptr<const TokenTree> tree)
    : grammar_(restricted(std::move(grammar), tree->single_bytes())),
      tree_(std::move(tree)),
      matcher_(grammar_) {}

void GrammarEditor::edit(int completion, std::span<const int32_t> tokens, std::span<float> logits) {
  const std::lock_guard lock(mutex_);
  Progress& progress = progress_[completion];
  if (progress.num_tokens == 0 || progress.num_tokens > tokens.size())
    progress = {0, matcher_.start()};
  for (; progress.num_tokens < tokens.size(); ++progress.num_tokens) {
    for (const char c : tree_->bytes_of(tokens[progress.num_tokens]))
      progress.state = matcher_.advance(progress.state, static_cast<unsigned char>(c));
  }
  const auto& mask = mask_of(progress.state);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (!mask[i]) logits[i] = -INFINITY;
  }
}

const std::vector<bool>& GrammarEditor::mask_of(const Matcher::State& state) {
  const auto known = masks_.find(state);
  if (known != masks_.end()) return known->second;
  if (masks_.size() > kMaxMasks) masks_.clear();
  std::vector<bool> mask(tree_->num_tokens());
  walk(0, state, mask);
  if (Matcher::is_whole(state)) {
    for (const int32_t token : tree_->end_tokens()) {
      if (token >= 0 && static_cast<size_t>(token) < mask.size())
        mask[static_cast<size_t>(token)] = true;
    }
  }
  return masks_.emplace(state, std::move(mask)).first->second;
}

void GrammarEditor::walk(int32_t node, const Matcher::State& state, std::vector<bool>& mask) {
  const auto& here = tree_->nodes()[static_cast<size_t>(node)];
  for (const int32_t token : here.tokens) mask[static_cast<size_t>(token)] = true;
  if (here.children.empty()) return;
  const ByteSet next = matcher_.next_bytes(state);
  for (const auto& [byte, child] : here.children) {
    if (!next.test(byte)) continue;
    const Matcher::State behind = matcher_.advance(state, byte);
    if (!behind.empty()) walk(child, behind, mask);
  }
}

}  // namespace gradus::service
