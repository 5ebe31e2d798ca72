#include "policy/tokenizer/sentencepiece/sentencepiece_model.h"

#include <sentencepiece_processor.h>

#include <unordered_set>

#include "base/error.h"
#include "policy/tokenizer/sentencepiece/charsmap.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_export.h"
#include "policy/tokenizer/sentencepiece/unigram.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";

constexpr size_t kLongestUnknownRun = 1000;  // in characters

std::string with_spaces(std::string_view piece) {
  std::string out;
  for (size_t at = 0; at < piece.size();) {
    if (piece.substr(at).starts_with(kSpaceSymbol)) {
      out += ' ';
      at += kSpaceSymbol.size();
    } else {
      out += piece[at++];
    }
  }
  return out;
}

}  // namespace

class SentencePieceModel::Library {
 public:
  explicit Library(const SentencePieceProto& proto) : has_bytes_(proto.byte_fallback) {
    if (proto.model_type == SentencePieceProto::kUnigram) unigram_.emplace(proto);
    const auto status = processor_.LoadFromSerializedProto(proto.serialize());
    if (!status.ok()) throw Error("sentencepiece refuses the model: " + status.ToString());
    if (has_bytes_) return;
    rules_ = CharsmapTrie(proto.normalizer.precompiled_charsmap);
    for (const auto& piece : proto.pieces) {
      for (size_t at = 0; at < piece.text.size();) {
        const Utf8Step step = read_utf8(std::string_view(piece.text).substr(at));
        known_.insert(step.code_point);
        at += static_cast<size_t>(step.length);
      }
    }
  }
  void append_ids(std::string_view text, std::vector<int32_t>& ids) const {
    std::string shorter;
    if (!has_bytes_ && text.size() > kLongestUnknownRun) {
      shorter = with_short_unknown_runs(text);
      text = shorter;
    }
    if (unigram_) return unigram_->append_ids(normalized(text), ids);
    std::vector<int> out;
    const auto status = processor_.Encode({text.data(), text.size()}, &out);
    if (!status.ok()) throw Error("sentencepiece could not encode a text: " + status.ToString());
    ids.insert(ids.end(), out.begin(), out.end());
  }
  std::string decode(std::span<const int32_t> ids) const {
    std::string text;
    const auto status = processor_.Decode(std::vector<int>(ids.begin(), ids.end()), &text);
    if (!status.ok()) throw Error("sentencepiece could not decode: " + status.ToString());
    return text;
  }

 private:
  // A run of characters that no piece has is one unknown token, however long; the library joins its
  // characters one by one, each time copying what it has, which is quadratic. Characters with which
  // a rule of the normaliser begins may become others, and end a run; no rule is longer than what
  // is kept behind one.
  std::string with_short_unknown_runs(std::string_view text) const {
    std::string out;
    size_t run = 0;
    for (size_t at = 0; at < text.size();) {
      const Utf8Step step = read_utf8(text.substr(at));
      const auto length = static_cast<size_t>(step.length);
      const bool is_unknown = step.valid && !is_white_space(step.code_point) &&
                              !known_.contains(step.code_point) &&
                              !rules_.begins_rule(text.substr(at, length));
      run = is_unknown ? run + 1 : 0;
      if (run <= kLongestUnknownRun) out += text.substr(at, length);
      at += length;
    }
    return out;
  }

  // What the library made of `text` before cutting it: its pieces, joined, with byte tokens read
  // as the bytes they stand for. Old releases have no other way to ask.
  std::string normalized(std::string_view text) const {
    std::vector<std::string> pieces;
    const auto status = processor_.Encode({text.data(), text.size()}, &pieces);
    if (!status.ok()) throw Error("sentencepiece could not encode a text: " + status.ToString());
    std::string out;
    for (const std::string& piece : pieces) {
      if (has_bytes_ && processor_.IsByte(processor_.PieceToId(piece))) {
        out += static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16));
      } else {
        out += piece;
      }
    }
    return out;
  }

  sentencepiece::SentencePieceProcessor processor_;
  std::optional<UnigramModel> unigram_;
  bool has_bytes_;
  std::unordered_set<char32_t> known_;  // characters of pieces, where runs are shortened
  CharsmapTrie rules_{""};
};

SentencePieceModel::SentencePieceModel(SentencePieceProto proto, SentencePieceOptions options)
    : proto_(std::move(proto)), options_(std::move(options)) {
  proto_.check();
  vocab_size_ = static_cast<int32_t>(proto_.pieces.size());
  for (int32_t id = 0; id < vocab_size_; ++id) ids_.emplace(proto_.pieces[id].text, id);
  index_added_tokens();

  SentencePieceProto plain = proto_;
  bool differs = false;
  for (size_t id = 0; id < plain.pieces.size(); ++id) {
    auto& piece = plain.pieces[id];
    if (piece.type != TokenType::kUserDefined || !is_special_symbol(id)) continue;
    piece.type = TokenType::kControl;  // the library never finds control symbols in text
    differs = true;
  }
  const bool bare = !options_.prefix_after_added && proto_.normalizer.add_dummy_prefix;
  libraries_[1][1] = std::make_unique<Library>(proto_);
  if (differs) libraries_[0][1] = std::make_unique<Library>(plain);
  if (bare) {
    SentencePieceProto no_prefix = proto_;
    no_prefix.normalizer.add_dummy_prefix = plain.normalizer.add_dummy_prefix = false;
    libraries_[1][0] = std::make_unique<Library>(no_prefix);
    if (differs) libraries_[0][0] = std::make_unique<Library>(plain);
  }
  SpecialIds special;
  const auto control = [&](const std::string& name) -> std::optional<int32_t> {
    const auto it = ids_.find(name);
    if (it == ids_.end() || it->second >= static_cast<int32_t>(proto_.pieces.size()) ||
        proto_.pieces[it->second].type == TokenType::kNormal) {
      return std::nullopt;
    }
    return it->second;
  };
  special.bos = control(proto_.bos_piece);
  if (const auto eos = control(proto_.eos_piece)) special.eos.push_back(*eos);
  special.pad = control(proto_.pad_piece);
  special.unk = control(proto_.unk_piece);
  set_special_ids(std::move(special));
}

SentencePieceModel::~SentencePieceModel() = default;

void SentencePieceModel::index_added_tokens() {
  const int32_t num_pieces = vocab_size_;
  for (const AddedToken& token : options_.added_tokens) {
    const std::string name = "added token \"" + token.content + "\"";
    if (token.content.empty()) throw Error("an added token is empty");
    if (token.id < 0 || token.id >= num_pieces + (1 << 20)) {
      throw Error(name + ": id " + std::to_string(token.id) + " is out of range");
    }
    const auto [known, is_new] = ids_.try_emplace(token.content, token.id);
    if (known->second != token.id) {
      throw Error(name + ": id " + std::to_string(token.id) + " here, " +
                  std::to_string(known->second) + " in the model");
    }
    if (is_new && (token.id < num_pieces || added_.contains(token.id))) {
      throw Error(name + ": id " + std::to_string(token.id) + " belongs to another piece");
    }
    added_[token.id] = token;
    vocab_size_ = std::max(vocab_size_, token.id + 1);
    // The library finds user-defined symbols itself, without giving what follows a prefix.
    const bool found_by_library =
        token.id < num_pieces && proto_.pieces[token.id].type == TokenType::kUserDefined;
    if (!found_by_library) matcher_.add(token.content, token);
  }
}

bool SentencePieceModel::is_special_symbol(size_t id) const {
  const auto it = added_.find(static_cast<int32_t>(id));
  if (it != added_.end()) return it->second.special;
  const std::string& text = proto_.pieces[id].text;
  return text.size() > 4 && text.starts_with("<|") && text.ends_with("|>");
}

const SentencePieceModel::Library& SentencePieceModel::library(bool parse_special,
                                                               bool with_prefix) const {
  const bool special = parse_special || !libraries_[0][1];
  const bool prefix = with_prefix || !libraries_[1][0];
  return *libraries_[special][prefix];
}

std::vector<int32_t> SentencePieceModel::encode(std::string_view text, bool parse_special) const {
  std::vector<int32_t> ids;
  // Whether a token stands somewhere is asked of well-formed text only: word borders need it.
  std::string repaired;
  if (!matcher_.empty() && !is_valid_utf8(text)) {
    for (std::string_view rest = text; !rest.empty();) {
      const size_t good = valid_utf8_prefix(rest);
      repaired += rest.substr(0, good);
      if (good < rest.size()) append_utf8(repaired, 0xFFFD);
      rest.remove_prefix(std::min(rest.size(), good + 1));
    }
    text = repaired;
  }
  for (const TextSpan& span : matcher_.split(text, !parse_special)) {
    if (span.id >= 0) {
      ids.push_back(span.id);
    } else {
      library(parse_special, span.text.data() == text.data()).append_ids(span.text, ids);
    }
  }
  return ids;
}

bool SentencePieceModel::is_special(int32_t id) const {
  const auto it = added_.find(id);
  if (it != added_.end()) return it->second.special;
  if (id < 0 || id >= static_cast<int32_t>(proto_.pieces.size())) return false;
  switch (proto_.pieces[id].type) {
    case TokenType::kControl:
    case TokenType::kUnknown:
      return true;
    case TokenType::kUserDefined:
      return is_special_symbol(id);
    default:
      return false;
  }
}

std::optional<int32_t> SentencePieceModel::find(std::string_view piece) const {
  const auto it = ids_.find(std::string(piece));
  return it == ids_.end() ? std::nullopt : std::optional(it->second);
}

std::string SentencePieceModel::decode_run(std::span<const int32_t> ids) const {
  return ids.empty() ? std::string() : libraries_[1][1]->decode(ids);
}

std::string SentencePieceModel::decode(std::span<const int32_t> ids, bool skip_special) const {
  const auto num_pieces = static_cast<int32_t>(proto_.pieces.size());
  std::string text;
  std::vector<int32_t> run;
  const auto flush = [&] {
    text += decode_run(run);
    run.clear();
  };
  for (const int32_t id : ids) {
    if (id < 0 || id >= vocab_size_) continue;
    const auto added = added_.find(id);
    const bool is_symbol =
        added != added_.end() || id >= num_pieces || proto_.pieces[id].type == TokenType::kControl;
    const bool is_unknown = id < num_pieces && proto_.pieces[id].type == TokenType::kUnknown;
    if (skip_special && is_special(id) && !is_unknown) continue;
    if (!is_symbol || is_unknown) {
      run.push_back(id);
      continue;
    }
    flush();
    if (added != added_.end()) {
      text += added->second.content;
    } else if (id < num_pieces) {
      text += proto_.pieces[id].text;
    }
  }
  flush();
  return to_valid_utf8(text);
}

std::string SentencePieceModel::token_bytes(int32_t id) const {
  const auto added = added_.find(id);
  if (added != added_.end()) return added->second.content;
  if (id < 0 || id >= static_cast<int32_t>(proto_.pieces.size())) return {};
  const auto& piece = proto_.pieces[id];
  switch (piece.type) {
    case TokenType::kByte:
      return std::string(1, static_cast<char>(std::stoi(piece.text.substr(3, 2), nullptr, 16)));
    case TokenType::kUnknown:
      return proto_.unk_surface;
    case TokenType::kControl:
      return piece.text;
    default:
      return with_spaces(piece.text);
  }
}

GgufTokenizerKeys SentencePieceModel::gguf_metadata() const {
  GgufTokenizerKeys keys = sentencepiece_gguf_keys(proto_);
  for (int32_t id = static_cast<int32_t>(proto_.pieces.size()); id < vocab_size_; ++id) {
    const auto it = added_.find(id);
    const bool known = it != added_.end();
    keys.tokens.push_back(known ? it->second.content : "[PAD" + std::to_string(id) + "]");
    keys.scores.push_back(0);
    keys.token_types.push_back(static_cast<int32_t>(!known ? TokenType::kUnused
                                                    : it->second.special
                                                        ? TokenType::kControl
                                                        : TokenType::kUserDefined));
  }
  keys.bos_id = bos_id();
  if (!eos_ids().empty()) keys.eos_id = eos_ids().front();
  keys.pad_id = pad_id();
  keys.unk_id = unk_id();
  keys.add_bos = adds_bos().value_or(true);
  keys.add_eos = adds_eos().value_or(false);
  return keys;
}

std::vector<TokenizerFile> SentencePieceModel::source_files() const {
  if (!files().empty()) return files();
  return sentencepiece_files(proto_, *this, adds_bos().value_or(true));
}

}  // namespace gradus::policy
