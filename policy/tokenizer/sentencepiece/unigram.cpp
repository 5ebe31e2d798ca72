#include "policy/tokenizer/sentencepiece/unigram.h"

#include <algorithm>
#include <limits>

#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr float kUnkPenalty = 10.0F;

}  // namespace

UnigramModel::UnigramModel(const SentencePieceProto& proto) {
  float lowest = std::numeric_limits<float>::max();
  for (const auto& piece : proto.pieces) {
    if (piece.type != TokenType::kNormal) continue;
    lowest = std::min(lowest, piece.score);
  }
  unk_score_ = lowest - kUnkPenalty;
  if (proto.byte_fallback) byte_ids_.resize(256);
  for (size_t i = 0; i < proto.pieces.size(); ++i) {
    const auto& piece = proto.pieces[i];
    const auto id = static_cast<int32_t>(i);
    switch (piece.type) {
      case TokenType::kNormal:
        insert(piece.text, {id, piece.score});
        break;
      case TokenType::kUserDefined:
        // More than any way through the same bytes can have; measured on release 0.2.3.
        insert(piece.text, {id, 0.1 * static_cast<double>(piece.text.size()) - 0.1});
        break;
      case TokenType::kByte:
        byte_ids_[std::stoul(piece.text.substr(3, 2), nullptr, 16)] = id;
        break;
      case TokenType::kUnknown:
        unk_id_ = id;
        break;
      default:
        break;
    }
  }
}

void UnigramModel::insert(std::string_view piece, Entry entry) {
  uint64_t node = 0;
  for (const char c : piece) {
    const auto [edge, is_new] = edges_.try_emplace(node << 8 | static_cast<uint8_t>(c),
                                                   static_cast<int32_t>(nodes_.size()));
    if (is_new) nodes_.emplace_back();
    node = static_cast<uint64_t>(edge->second);
  }
  nodes_[node] = entry;
}

void UnigramModel::append_ids(std::string_view text, std::vector<int32_t>& ids) const {
  struct Best {
    float score = 0;
    int64_t begin = -1;
    int32_t id = -1;
  };
  std::vector<Best> best(text.size() + 1);
  const auto offer = [&](size_t begin, size_t end, double sum, int32_t id) {
    const auto score = static_cast<float>(sum);
    if (best[end].begin < 0 || score > best[end].score) {
      best[end] = {score, static_cast<int64_t>(begin), id};
    }
  };
  for (size_t begin = 0; begin < text.size();) {
    const size_t length = read_utf8(text.substr(begin)).length;
    const float so_far = best[begin].score;
    bool has_single = false;
    uint64_t node = 0;
    for (size_t at = begin; at < text.size(); ++at) {
      const auto edge = edges_.find(node << 8 | static_cast<uint8_t>(text[at]));
      if (edge == edges_.end()) break;
      node = static_cast<uint64_t>(edge->second);
      if (nodes_[node].id < 0) continue;
      offer(begin, at + 1, nodes_[node].score + so_far, nodes_[node].id);
      has_single = has_single || at + 1 - begin == length;
    }
    if (!has_single) offer(begin, begin + length, unk_score_ + so_far, unk_id_);
    begin += length;
  }
  std::vector<Best> path;
  for (size_t end = text.size(); end > 0; end = static_cast<size_t>(best[end].begin)) {
    path.push_back({0, static_cast<int64_t>(end), best[end].id});
  }
  std::reverse(path.begin(), path.end());
  size_t begin = 0;
  bool after_unk = false;
  for (const Best& step : path) {
    const auto end = static_cast<size_t>(step.begin);
    const bool is_unk = step.id == unk_id_;
    if (is_unk && !byte_ids_.empty()) {
      for (const char c : text.substr(begin, end - begin)) {
        ids.push_back(byte_ids_[static_cast<uint8_t>(c)]);
      }
    } else if (!is_unk || !after_unk) {
      ids.push_back(step.id);
    }
    after_unk = is_unk;
    begin = end;
  }
}

}  // namespace gradus::policy
