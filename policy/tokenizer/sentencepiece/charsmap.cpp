#include "policy/tokenizer/sentencepiece/charsmap.h"

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr size_t kMaxBytes = 64 << 20;
constexpr int kMaxTrieDepth = 256;
constexpr int kMaxChain = 32;

std::vector<uint32_t> units_of(std::string_view trie) {
  std::vector<uint32_t> units(trie.size() / 4);
  std::memcpy(units.data(), trie.data(), units.size() * 4);
  return units;
}

// Where the children of `unit` lie: position ^ label.
size_t block_of_unit(const std::vector<uint32_t>& units, size_t unit) {
  const uint32_t u = units[unit];
  return unit ^ static_cast<size_t>((u >> 10) << ((u & (1U << 9)) >> 6));
}

// An unused unit looks like a child labelled 0 that leads back here without a value: a NUL in a
// text is passed over by it, which is harmless.
bool is_child(const std::vector<uint32_t>& units, size_t unit, uint32_t label) {
  return (units[unit] & 0x800000FF) == label && units[unit] != 0;
}

// Walks a darts-clone array as the library does. A unit's fields are: offset to its block of
// children (bits 10-31, times 256 if bit 9 is set), bit 8 "has a value", and in a child the label
// (bits 0-7, with bit 31 clear).
class TrieWalk {
 public:
  TrieWalk(std::string_view trie, size_t num_strings_bytes, const std::string& name)
      : units_(units_of(trie)), num_strings_bytes_(num_strings_bytes), name_(name) {
    longest_.assign(units_.size(), kUnseen);
  }

  void check() {
    // The root's own label and value are never looked at; only its block of children is.
    longest_below(block_of(0), 0);
  }

 private:
  static constexpr int8_t kUnseen = -1;
  static constexpr int8_t kOpen = -2;

  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(name_ + ": its trie " + what);
  }

  bool has_value(size_t unit) const { return units_[unit] >> 8 & 1; }

  // All 256 labels must stay inside.
  size_t block_of(size_t unit) const {
    const size_t block = block_of_unit(units_, unit);
    if ((block | 255) >= units_.size()) refuse("points outside its array");
    return block;
  }

  // The most values on one path from here down; paths may share nodes, but none may return.
  int longest_chain(size_t block, bool has_value_here, int depth) {
    if (depth > kMaxTrieDepth) refuse("is deeper than 256");
    if (has_value_here && (units_[block] & 0x7FFFFFFF) >= num_strings_bytes_) {
      refuse("has a value outside its strings");
    }
    const int here = longest_below(block, depth) + (has_value_here ? 1 : 0);
    if (here > kMaxChain) refuse("has more than 32 rules in one chain");
    return here;
  }

  int longest_below(size_t block, int depth) {
    if (longest_[block] == kOpen) refuse("runs in a circle");
    if (longest_[block] != kUnseen) return longest_[block];
    longest_[block] = kOpen;
    int below = 0;
    for (uint32_t label = 0; label < 256; ++label) {
      const size_t child = block ^ label;
      if (!is_child(units_, child, label)) continue;
      below = std::max(below, longest_chain(block_of(child), has_value(child), depth + 1));
    }
    longest_[block] = static_cast<int8_t>(below);
    return below;
  }

  std::vector<uint32_t> units_;
  std::vector<int8_t> longest_;
  size_t num_strings_bytes_;
  const std::string& name_;
};

}  // namespace

void check_charsmap(std::string_view charsmap, const std::string& name) {
  if (charsmap.empty()) return;
  const auto refuse = [&](const std::string& what) { throw Error(name + ": " + what); };
  if (charsmap.size() > kMaxBytes) refuse("is larger than 64 MiB");
  if (charsmap.size() <= 4) refuse("is too short");
  uint32_t trie_size = 0;
  std::memcpy(&trie_size, charsmap.data(), 4);
  charsmap.remove_prefix(4);
  if (trie_size >= charsmap.size()) refuse("its trie is larger than the field");
  if (trie_size < 1024 || trie_size % 4 != 0) refuse("its trie's size is not that of whole units");
  const std::string_view strings = charsmap.substr(trie_size);
  if (strings.back() != '\0') refuse("its strings do not end with NUL");
  if (!is_valid_utf8(strings)) refuse("its strings are not valid UTF-8");
  TrieWalk(charsmap.substr(0, trie_size), strings.size(), name).check();
}

CharsmapTrie::CharsmapTrie(std::string_view charsmap) {
  if (charsmap.empty()) return;
  uint32_t trie_size = 0;
  std::memcpy(&trie_size, charsmap.data(), 4);
  units_ = units_of(charsmap.substr(4, trie_size));
}

bool CharsmapTrie::begins_rule(std::string_view bytes) const {
  if (units_.empty()) return false;
  size_t block = block_of_unit(units_, 0);
  for (const char byte : bytes) {
    const auto label = static_cast<unsigned char>(byte);
    const size_t child = block ^ label;
    if (!is_child(units_, child, label)) return false;
    block = block_of_unit(units_, child);
  }
  return true;
}

}  // namespace gradus::policy
