#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gradus::policy {

/// A vocabulary and an ordered list of merges, and the switches of tokenizer.json's BPE.
struct BpeSpec {
  std::vector<std::pair<std::string, int32_t>> vocab;       ///< spelling and id, ids unique
  std::vector<std::pair<std::string, std::string>> merges;  ///< in order of rank
  std::optional<std::string> unk_token;
  bool fuse_unk = false;
  bool byte_fallback = false;  ///< unknown characters become <0xNN> tokens
  bool ignore_merges = false;  ///< a piece that is a vocabulary entry is taken whole
};

/// Byte-pair encoding of single pieces: the pair of lowest rank is merged first, leftmost first.
///
/// Time is n log n in the piece. Pieces are remembered in a bounded cache. Const methods may run at
/// once from any number of threads.
class BpeModel {
 public:
  /// @throws gradus::Error  a merge of tokens that the vocabulary lacks, unk_token outside the
  ///         vocabulary, ids negative, repeated or absurdly sparse.
  explicit BpeModel(BpeSpec spec);
  ~BpeModel();

  /// Appends the ids of `piece`: well-formed UTF-8, spelled as the vocabulary is.
  void append_ids(std::string_view piece, std::vector<int32_t>& ids) const;

  /// Appends the byte token of `byte`, if there is one: <0xNN>. True if there was.
  bool append_byte_token(uint8_t byte, std::vector<int32_t>& ids) const;

  std::optional<int32_t> find(std::string_view piece) const;

  /// The spelling of an id; nullptr if the vocabulary has no such id.
  const std::string* spelling(int32_t id) const;

  /// Largest id + 1.
  int32_t size() const { return static_cast<int32_t>(spellings_.size()); }

  /// The id of spec().unk_token, -1 if there is none.
  int32_t unk_id() const { return unk_id_; }

  const BpeSpec& spec() const { return spec_; }

 private:
  struct Merge {
    int32_t rank;
    int32_t id;
  };
  struct Symbol {
    int32_t id;
    int32_t previous;
    int32_t next;
  };
  struct Cache;

  void index_vocab();
  void index_merges();
  void start_symbols(std::string_view piece, std::vector<int32_t>& ids) const;
  void merge(std::vector<int32_t>& ids) const;
  void merge_short(std::vector<int32_t>& ids) const;
  void merge_long(std::vector<int32_t>& ids) const;
  const Merge* find_merge(int32_t left, int32_t right) const;

  BpeSpec spec_;
  std::vector<std::optional<std::string>> spellings_;
  std::unordered_map<std::string_view, int32_t> ids_;  // views into spellings_
  std::unordered_map<uint64_t, Merge> merges_;
  std::array<int32_t, 256> byte_tokens_;
  int32_t unk_id_ = -1;
  std::unique_ptr<Cache> cache_;
};

}  // namespace gradus::policy
