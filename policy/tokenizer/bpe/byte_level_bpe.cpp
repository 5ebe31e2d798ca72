#include "policy/tokenizer/bpe/byte_level_bpe.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "policy/tokenizer/bpe/byte_alphabet.h"
#include "policy/tokenizer/gguf/gguf_pre_tokenizers.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {

ByteLevelBpe::ByteLevelBpe(Parts parts) : parts_(std::move(parts)) {
  index_added_tokens();
}

void ByteLevelBpe::index_added_tokens() {
  raw_matcher_ = {};
  normalized_matcher_ = {};
  added_by_id_.clear();
  added_by_content_.clear();
  needles_.clear();
  vocab_size_ = parts_.model->size();
  const int32_t limit = vocab_size_ + static_cast<int32_t>(parts_.added_tokens.size()) + (1 << 20);
  for (size_t i = 0; i < parts_.added_tokens.size(); ++i) {
    const AddedToken& token = parts_.added_tokens[i];
    const std::string at = "added_tokens[" + std::to_string(i) + "]";
    if (token.id < 0 || token.id > limit) {
      throw Error(at + ": id " + std::to_string(token.id) + " is out of range");
    }
    const auto other = added_by_id_.find(token.id);
    if (other != added_by_id_.end() &&
        parts_.added_tokens[other->second].content != token.content) {
      throw Error(at + ": id " + std::to_string(token.id) + " is also that of \"" +
                  parts_.added_tokens[other->second].content + "\"");
    }
    const std::string* piece = parts_.model->spelling(token.id);
    if (piece != nullptr && *piece != token.content) {
      throw Error(at + ": id " + std::to_string(token.id) + " is \"" + token.content +
                  "\" here and \"" + *piece + "\" in the vocabulary");
    }
    added_by_id_[token.id] = i;
    added_by_content_[token.content] = token.id;
    vocab_size_ = std::max(vocab_size_, token.id + 1);
    const bool is_changed = token.normalized && parts_.normalizer;
    needles_.push_back(is_changed ? parts_.normalizer->normalize(token.content) : token.content);
    (token.normalized ? normalized_matcher_ : raw_matcher_).add(needles_.back(), token);
  }
}

void ByteLevelBpe::mark_special(const std::vector<std::string>& pieces) {
  for (const std::string& piece : pieces) {
    const auto id = find(piece);
    if (!id) continue;
    const auto known = added_by_id_.find(*id);
    if (known != added_by_id_.end()) {
      parts_.added_tokens[known->second].special = true;
    } else {
      AddedToken token;
      token.id = *id;
      token.content = piece;
      token.normalized = false;
      token.special = true;
      added_by_id_[*id] = parts_.added_tokens.size();
      parts_.added_tokens.push_back(token);
    }
  }
  index_added_tokens();
}

std::vector<int32_t> ByteLevelBpe::encode(std::string_view text, bool parse_special) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3 + 8);
  bool at_start = true;
  while (!text.empty()) {
    const size_t good = valid_utf8_prefix(text);
    if (good > 0) encode_valid(text.substr(0, good), at_start, parse_special, ids);
    text.remove_prefix(good);
    at_start = false;
    size_t bad = 0;
    while (bad < text.size()) {
      const Utf8Step step = read_utf8(text.substr(bad));
      if (step.valid) break;
      bad += step.length;
    }
    encode_invalid(text.substr(0, bad), ids);
    text.remove_prefix(bad);
  }
  return ids;
}

void ByteLevelBpe::encode_valid(std::string_view text, bool at_start, bool parse_special,
                                std::vector<int32_t>& ids) const {
  const char* begin = text.data();
  for (const TextSpan& span : raw_matcher_.split(text, !parse_special)) {
    if (span.id >= 0) {
      ids.push_back(span.id);
      continue;
    }
    const bool first = at_start && span.text.data() == begin;
    if (!parts_.normalizer && normalized_matcher_.empty()) {
      encode_normalized(span.text, first, ids);
      continue;
    }
    const std::string normal =
        parts_.normalizer ? parts_.normalizer->normalize(span.text) : std::string(span.text);
    for (const TextSpan& part : normalized_matcher_.split(normal, !parse_special)) {
      if (part.id >= 0) {
        ids.push_back(part.id);
      } else {
        encode_normalized(part.text, first && part.text.data() == normal.data(), ids);
      }
    }
  }
}

void ByteLevelBpe::encode_normalized(std::string_view text, bool at_start,
                                     std::vector<int32_t>& ids) const {
  Pieces pieces;
  pieces.list.push_back(text);
  pieces.begins_text = at_start;
  if (parts_.pre_tokenizer) parts_.pre_tokenizer->apply(pieces);
  for (const std::string_view piece : pieces.list) parts_.model->append_ids(piece, ids);
}

void ByteLevelBpe::encode_invalid(std::string_view bytes, std::vector<int32_t>& ids) const {
  if (bytes.empty()) return;
  if (parts_.byte_level) return parts_.model->append_ids(to_byte_symbols(bytes), ids);
  const auto unk_id = parts_.model->unk_id();
  for (const char byte : bytes) {
    if (parts_.model->append_byte_token(static_cast<uint8_t>(byte), ids)) continue;
    if (unk_id >= 0) ids.push_back(unk_id);
  }
}

const AddedToken* ByteLevelBpe::added(int32_t id) const {
  const auto it = added_by_id_.find(id);
  return it == added_by_id_.end() ? nullptr : &parts_.added_tokens[it->second];
}

const std::string* ByteLevelBpe::spelling(int32_t id) const {
  if (const AddedToken* token = added(id)) return &token->content;
  return parts_.model->spelling(id);
}

bool ByteLevelBpe::is_special(int32_t id) const {
  const AddedToken* token = added(id);
  return token != nullptr && token->special;
}

std::optional<int32_t> ByteLevelBpe::find(std::string_view piece) const {
  const auto it = added_by_content_.find(std::string(piece));
  return it != added_by_content_.end() ? std::optional(it->second) : parts_.model->find(piece);
}

std::string ByteLevelBpe::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) {
    if (skip_special && is_special(id)) continue;
    // The reference decodes an added token as it looks in normalised text.
    const auto added = added_by_id_.find(id);
    const std::string* piece =
        added != added_by_id_.end() ? &needles_[added->second] : parts_.model->spelling(id);
    if (piece != nullptr) tokens.push_back(*piece);
  }
  std::string text;
  if (parts_.decoder) {
    for (const std::string& part : parts_.decoder->decode(std::move(tokens))) text += part;
  } else {
    for (const std::string& token : tokens) text += (text.empty() ? "" : " ") + token;
  }
  return text;
}

std::string ByteLevelBpe::token_bytes(int32_t id) const {
  const std::string* piece = spelling(id);
  if (piece == nullptr) return {};
  if (!parts_.decoder || is_special(id)) return *piece;
  bool whole = false;
  return parts_.decoder->middle(*piece, &whole);
}

std::vector<int32_t> ByteLevelBpe::with_special(std::vector<int32_t> ids) const {
  std::vector<int32_t> before = parts_.before;
  std::vector<int32_t> after = parts_.after;
  if (adds_bos()) {
    before.clear();
    if (*adds_bos() && bos_id()) before.push_back(*bos_id());
  }
  if (adds_eos()) {
    after.clear();
    if (*adds_eos() && !eos_ids().empty()) after.push_back(eos_ids().front());
  }
  ids.insert(ids.begin(), before.begin(), before.end());
  ids.insert(ids.end(), after.begin(), after.end());
  return ids;
}

std::vector<TokenizerFile> ByteLevelBpe::source_files() const {
  if (!files().empty()) return files();
  nlohmann::ordered_json config{{"tokenizer_class", "PreTrainedTokenizerFast"},
                                {"clean_up_tokenization_spaces", false}};
  const auto name = [&](const char* key, std::optional<int32_t> id) {
    if (id && spelling(*id) != nullptr) config[key] = *spelling(*id);
  };
  name("bos_token", bos_id());
  name("eos_token", eos_ids().empty() ? std::nullopt : std::optional(eos_ids().front()));
  name("pad_token", pad_id());
  name("unk_token", unk_id());
  return {{"tokenizer.json", parts_.json}, {"tokenizer_config.json", config.dump(2) + "\n"}};
}

GgufTokenizerKeys ByteLevelBpe::gguf_metadata() const {
  GgufTokenizerKeys keys;
  keys.model = "gpt2";
  for (int32_t id = 0; id < vocab_size_; ++id) {
    const std::string* piece = spelling(id);
    const AddedToken* token = added(id);
    keys.tokens.push_back(piece != nullptr ? *piece : "[PAD" + std::to_string(id) + "]");
    const TokenType type = piece == nullptr   ? TokenType::kUnused
                           : token == nullptr ? TokenType::kNormal
                           : token->special   ? TokenType::kControl
                                              : TokenType::kUserDefined;
    keys.token_types.push_back(static_cast<int32_t>(type));
  }
  for (const auto& [left, right] : parts_.model->spec().merges) {
    keys.merges.push_back(left + " " + right);
  }
  keys.bos_id = bos_id();
  if (!eos_ids().empty()) keys.eos_id = eos_ids().front();
  keys.pad_id = pad_id();
  keys.unk_id = unk_id();
  const auto begins = [](const std::vector<int32_t>& ids, std::optional<int32_t> id) {
    return id.has_value() && ids.size() == 1 && ids.front() == *id;
  };
  keys.add_bos = adds_bos().value_or(begins(parts_.before, bos_id()));
  keys.add_eos = adds_eos().value_or(!eos_ids().empty() &&
                                     begins(parts_.after, std::optional(eos_ids().front())));
  if (!parts_.byte_level) {
    fill_character_level_keys(keys);
    return keys;
  }
  const auto& names = gguf_pre_names();
  const auto same = std::find_if(names.begin(), names.end(),
                                 [this](const std::string& name) { return is_gguf_pre(name); });
  if (same == names.end()) {
    throw Error(
        "llama.cpp has no name for its pre-tokenizer (tokenizer.ggml.pre) and would split texts in "
        "other places; a GGUF file cannot hold this tokenizer");
  }
  keys.pre = *same;
  // The keys alone cannot say how added tokens strip.
  const bool plain =
      std::all_of(parts_.added_tokens.begin(), parts_.added_tokens.end(),
                  [](const AddedToken& t) { return !t.lstrip && !t.rstrip && !t.single_word; });
  if (!plain) keys.huggingface_json = parts_.json;
  return keys;
}

// A vocabulary over characters has llama.cpp's form for SentencePiece: the rank of the merge that
// makes a token is its score. The whole tokenizer.json goes along and wins when we read it back.
void ByteLevelBpe::fill_character_level_keys(GgufTokenizerKeys& keys) const {
  keys.model = "llama";
  keys.pre = "default";
  keys.huggingface_json = parts_.json;
  keys.merges.clear();
  keys.scores.assign(keys.tokens.size(), 0.0F);
  const auto& merges = parts_.model->spec().merges;
  for (size_t rank = merges.size(); rank-- > 0;) {
    if (const auto id = parts_.model->find(merges[rank].first + merges[rank].second)) {
      keys.scores[*id] = -static_cast<float>(rank + 1);
    }
  }
  for (int32_t id = 0; id < vocab_size_; ++id) {
    std::vector<int32_t> byte;
    unsigned value = 0;
    const std::string& token = keys.tokens[id];
    if (token.size() == 6 && std::sscanf(token.c_str(), "<0x%2X>", &value) == 1 &&
        parts_.model->append_byte_token(static_cast<uint8_t>(value), byte) && byte[0] == id) {
      keys.token_types[id] = static_cast<int32_t>(TokenType::kByte);
    }
    if (unk_id() && id == *unk_id()) {
      keys.token_types[id] = static_cast<int32_t>(TokenType::kUnknown);
    }
  }
  const std::string probe = parts_.normalizer ? parts_.normalizer->normalize("x") : "x";
  keys.add_space_prefix = probe != "x" || parts_.pre_tokenizer != nullptr;
}

bool ByteLevelBpe::is_gguf_pre(const std::string& name) const {
  const GgufPreTokenizer& known = gguf_pre_tokenizer(name);
  const auto theirs = parse_pre_tokenizer(known.pre_tokenizer, "pre_tokenizer");
  const auto normal = parse_normalizer(known.normalizer, "normalizer");
  const auto& spec = parts_.model->spec();
  return parts_.byte_level && parts_.pre_tokenizer && !spec.byte_fallback && !spec.unk_token &&
         spec.ignore_merges == known.ignore_merges &&
         parts_.pre_tokenizer->signature() == theirs->signature() &&
         (parts_.normalizer ? parts_.normalizer->signature() : "") ==
             (normal ? normal->signature() : "");
}

}  // namespace gradus::policy
