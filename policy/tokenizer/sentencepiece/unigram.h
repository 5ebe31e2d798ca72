#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/tokenizer/sentencepiece/sentencepiece_proto.h"

namespace gradus::policy {

/// The most probable segmentation of normalised text under a unigram model.
///
/// The library's releases disagree on ties: older ones compare double sums to stored float ones,
/// newer ones (0.2) float to float. This is the newer rule: among equal scores the piece that
/// begins first, whatever release is installed. Const methods may run at once.
class UnigramModel {
 public:
  explicit UnigramModel(const SentencePieceProto& proto);

  /// Appends the ids of `text`, normalised and well-formed UTF-8. An unknown character becomes its
  /// byte tokens; without those a run of unknown characters becomes one unknown token.
  void append_ids(std::string_view text, std::vector<int32_t>& ids) const;

 private:
  struct Entry {
    int32_t id = -1;
    double score = 0;  ///< of a piece a float; of a user-defined symbol not rounded to one
  };
  void insert(std::string_view piece, Entry entry);

  std::unordered_map<uint64_t, int32_t> edges_;  // (node << 8 | byte) -> node; 0 is the root
  std::vector<Entry> nodes_{Entry{}};
  std::vector<int32_t> byte_ids_;  // 256, or none
  int32_t unk_id_ = 0;
  float unk_score_ = 0;
};

}  // namespace gradus::policy
