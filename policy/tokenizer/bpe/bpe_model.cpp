#include "policy/tokenizer/bpe/bpe_model.h"

#include <queue>

#include "base/error.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr int32_t kMaxHoles = 1 << 20;
constexpr size_t kShortPiece = 24;
constexpr size_t kMaxCachedBytes = 128;
constexpr size_t kCacheEntries = 4096;  // of each shard
constexpr size_t kShards = 16;

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

}  // namespace

struct BpeModel::Cache {
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::vector<int32_t>, StringHash, std::equal_to<>> ids;
  };
  std::array<Shard, kShards> shards;

  Shard& shard(std::string_view piece) { return shards[StringHash()(piece) % kShards]; }

  bool append(std::string_view piece, std::vector<int32_t>& out) {
    Shard& s = shard(piece);
    const std::lock_guard lock(s.mutex);
    const auto it = s.ids.find(piece);
    if (it == s.ids.end()) return false;
    out.insert(out.end(), it->second.begin(), it->second.end());
    return true;
  }

  void remember(std::string_view piece, std::span<const int32_t> ids) {
    Shard& s = shard(piece);
    const std::lock_guard lock(s.mutex);
    if (s.ids.size() >= kCacheEntries) s.ids.clear();
    s.ids.try_emplace(std::string(piece), ids.begin(), ids.end());
  }
};

BpeModel::BpeModel(BpeSpec spec) : spec_(std::move(spec)), cache_(std::make_unique<Cache>()) {
  index_vocab();
  index_merges();
  for (int b = 0; b < 256; ++b) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", b);
    byte_tokens_[b] = find(name).value_or(-1);
  }
  if (spec_.unk_token) {
    unk_id_ = find(*spec_.unk_token).value_or(-1);
    if (unk_id_ < 0) {
      throw Error("model.unk_token: \"" + *spec_.unk_token + "\" is not in the vocabulary");
    }
  }
}

BpeModel::~BpeModel() = default;

void BpeModel::index_vocab() {
  int64_t largest = -1;
  for (const auto& [spelling, id] : spec_.vocab) {
    if (id < 0) throw Error("model.vocab: the id of \"" + spelling + "\" is negative");
    largest = std::max<int64_t>(largest, id);
  }
  if (largest >= static_cast<int64_t>(spec_.vocab.size()) + kMaxHoles) {
    throw Error("model.vocab: id " + std::to_string(largest) + " among only " +
                std::to_string(spec_.vocab.size()) + " tokens");
  }
  spellings_.resize(static_cast<size_t>(largest + 1));
  for (const auto& [spelling, id] : spec_.vocab) {
    if (spellings_[id]) {
      throw Error("model.vocab: id " + std::to_string(id) + " belongs to \"" + *spellings_[id] +
                  "\" and to \"" + spelling + "\"");
    }
    spellings_[id] = spelling;
  }
  ids_.reserve(spec_.vocab.size());
  for (size_t id = 0; id < spellings_.size(); ++id) {
    if (spellings_[id]) ids_.emplace(*spellings_[id], static_cast<int32_t>(id));
  }
}

void BpeModel::index_merges() {
  merges_.reserve(spec_.merges.size());
  const auto id_of = [&](const std::string& piece, size_t rank) {
    const auto id = find(piece);
    if (!id) {
      throw Error("model.merges[" + std::to_string(rank) + "]: \"" + piece +
                  "\" is not in the vocabulary");
    }
    return *id;
  };
  for (size_t rank = 0; rank < spec_.merges.size(); ++rank) {
    const auto& [left, right] = spec_.merges[rank];
    const uint64_t key = pair_key(id_of(left, rank), id_of(right, rank));
    merges_[key] = {static_cast<int32_t>(rank), id_of(left + right, rank)};
  }
}

std::optional<int32_t> BpeModel::find(std::string_view piece) const {
  const auto it = ids_.find(piece);
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

const std::string* BpeModel::spelling(int32_t id) const {
  if (id < 0 || id >= size() || !spellings_[id]) return nullptr;
  return &*spellings_[id];
}

const BpeModel::Merge* BpeModel::find_merge(int32_t left, int32_t right) const {
  const auto it = merges_.find(pair_key(left, right));
  return it == merges_.end() ? nullptr : &it->second;
}

bool BpeModel::append_byte_token(uint8_t byte, std::vector<int32_t>& ids) const {
  if (byte_tokens_[byte] < 0) return false;
  ids.push_back(byte_tokens_[byte]);
  return true;
}

void BpeModel::append_ids(std::string_view piece, std::vector<int32_t>& ids) const {
  const bool may_cache = piece.size() <= kMaxCachedBytes;
  if (may_cache && cache_->append(piece, ids)) return;
  std::vector<int32_t> own;
  const auto whole = spec_.ignore_merges ? find(piece) : std::nullopt;
  if (whole) {
    own.push_back(*whole);
  } else {
    start_symbols(piece, own);
    merge(own);
  }
  if (may_cache) cache_->remember(piece, own);
  ids.insert(ids.end(), own.begin(), own.end());
}

// One id per character, before any merge. A pending unknown token is written when a known one
// follows, not when byte tokens do: so does the reference implementation.
void BpeModel::start_symbols(std::string_view piece, std::vector<int32_t>& ids) const {
  bool unk_pending = false;
  const auto flush = [&] {
    if (unk_pending) ids.push_back(unk_id_);
    unk_pending = false;
  };
  for (size_t at = 0; at < piece.size();) {
    const std::string_view c = piece.substr(at, read_utf8(piece.substr(at)).length);
    at += c.size();
    if (const auto id = find(c)) {
      flush();
      ids.push_back(*id);
      continue;
    }
    if (spec_.byte_fallback) {
      std::vector<int32_t> bytes;
      bool all = true;
      for (const char byte : c) all = all && append_byte_token(static_cast<uint8_t>(byte), bytes);
      if (all) {
        ids.insert(ids.end(), bytes.begin(), bytes.end());
        continue;
      }
    }
    if (unk_id_ < 0) continue;
    if (!spec_.fuse_unk) flush();
    unk_pending = true;
  }
  flush();
}

void BpeModel::merge(std::vector<int32_t>& ids) const {
  if (ids.size() < 2) return;
  ids.size() <= kShortPiece ? merge_short(ids) : merge_long(ids);
}

// Quadratic, and the fastest for words.
void BpeModel::merge_short(std::vector<int32_t>& ids) const {
  while (ids.size() > 1) {
    const Merge* best = nullptr;
    size_t best_at = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const Merge* m = find_merge(ids[i], ids[i + 1]);
      if (m == nullptr || (best != nullptr && best->rank <= m->rank)) continue;
      best = m;
      best_at = i;
    }
    if (best == nullptr) return;
    ids[best_at] = best->id;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best_at) + 1);
  }
}

void BpeModel::merge_long(std::vector<int32_t>& ids) const {
  struct Candidate {
    int32_t rank;
    int32_t at;
    int32_t id;
    bool operator>(const Candidate& o) const { return rank != o.rank ? rank > o.rank : at > o.at; }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto count = static_cast<int32_t>(ids.size());
  std::vector<Symbol> symbols(ids.size());
  for (int32_t i = 0; i < count; ++i) symbols[i] = {ids[i], i - 1, i + 1 < count ? i + 1 : -1};
  const auto offer = [&](int32_t at) {
    if (at < 0 || symbols[at].next < 0) return;
    if (const Merge* m = find_merge(symbols[at].id, symbols[symbols[at].next].id)) {
      queue.push({m->rank, at, m->id});
    }
  };
  for (int32_t i = 0; i < count; ++i) offer(i);
  while (!queue.empty()) {
    const Candidate top = queue.top();
    queue.pop();
    Symbol& left = symbols[top.at];
    if (left.id < 0 || left.next < 0) continue;
    Symbol& right = symbols[left.next];
    const Merge* m = find_merge(left.id, right.id);
    if (m == nullptr || m->id != top.id) continue;  // the pair has changed since
    left.id = m->id;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = top.at;
    offer(left.previous);
    offer(top.at);
  }
  ids.clear();
  for (int32_t at = 0; at >= 0; at = symbols[at].next) ids.push_back(symbols[at].id);
}

}  // namespace gradus::policy
