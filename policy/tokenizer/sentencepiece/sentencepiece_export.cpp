#include "policy/tokenizer/sentencepiece/sentencepiece_export.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

using nlohmann::json;
using Piece = SentencePieceProto::Piece;

constexpr char kSpaceMark[] = "\xE2\x96\x81";

// Every way to make a piece of two others, best score first; the order is that of transformers'
// own conversion.
std::vector<std::pair<std::string, std::string>> merges_by_score(const std::vector<Piece>& pieces) {
  std::unordered_map<std::string_view, int32_t> normal;
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (pieces[id].type == TokenType::kNormal) normal[pieces[id].text] = static_cast<int32_t>(id);
  }
  struct Merge {
    float score;
    int64_t left_length;
    int64_t right_length;
    int32_t left;
    int32_t right;
  };
  std::vector<Merge> merges;
  for (const Piece& piece : pieces) {
    if (piece.type != TokenType::kNormal) continue;
    const std::string_view text = piece.text;
    const auto begin = static_cast<std::ptrdiff_t>(merges.size());
    for (size_t cut = read_utf8(text).length; cut < text.size();
         cut += read_utf8(text.substr(cut)).length) {
      const auto left = normal.find(text.substr(0, cut));
      const auto right = normal.find(text.substr(cut));
      if (left == normal.end() || right == normal.end()) continue;
      merges.push_back({piece.score, count_code_points(left->first),
                        count_code_points(right->first), left->second, right->second});
    }
    std::sort(merges.begin() + begin, merges.end(), [](const Merge& a, const Merge& b) {
      return std::pair(a.left, a.right) < std::pair(b.left, b.right);
    });
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) {
    return std::tuple(a.score, a.left_length, a.right_length) >
           std::tuple(b.score, b.left_length, b.right_length);
  });
  std::vector<std::pair<std::string, std::string>> out;
  out.reserve(merges.size());
  for (const Merge& m : merges) out.emplace_back(pieces[m.left].text, pieces[m.right].text);
  return out;
}

bool fits_tokenizer_json(const SentencePieceProto& proto) {
  return proto.model_type == SentencePieceProto::kBpe && !proto.treat_whitespace_as_suffix &&
         proto.normalizer.precompiled_charsmap.empty() && proto.normalizer.escape_whitespaces &&
         !proto.normalizer.remove_extra_whitespaces &&
         proto.denormalizer.precompiled_charsmap.empty() &&
         std::none_of(proto.pieces.begin(), proto.pieces.end(),
                      [](const Piece& p) { return p.type == TokenType::kUnused; });
}

json string_replace(const char* from, const char* to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

json bos_template(const Tokenizer& tokenizer, bool add_bos) {
  if (!add_bos || !tokenizer.bos_id()) return nullptr;
  const std::string bos = tokenizer.token_bytes(*tokenizer.bos_id());
  const json token{{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  const auto sequence = [](const char* id, int type) {
    return json{{"Sequence", {{"id", id}, {"type_id", type}}}};
  };
  return {{"type", "TemplateProcessing"},
          {"single", {token, sequence("A", 0)}},
          {"pair", {token, sequence("A", 0), token, sequence("B", 1)}},
          {"special_tokens",
           {{bos, {{"id", bos}, {"ids", {*tokenizer.bos_id()}}, {"tokens", {bos}}}}}}};
}

std::string tokenizer_json(const SentencePieceProto& proto, const Tokenizer& tokenizer,
                           bool add_bos) {
  json added = json::array();
  json vocab = json::object();
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const bool is_piece = id < static_cast<int32_t>(proto.pieces.size());
    const TokenType type = is_piece ? proto.pieces[id].type : TokenType::kUserDefined;
    const std::string text = is_piece ? proto.pieces[id].text : tokenizer.token_bytes(id);
    if (text.empty()) continue;
    if (is_piece) vocab[text] = id;
    if (type == TokenType::kNormal || type == TokenType::kByte) continue;
    added.push_back({{"id", id},
                     {"content", text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", tokenizer.is_special(id)}});
  }
  json merges = json::array();
  for (auto& [left, right] : merges_by_score(proto.pieces)) merges.push_back({left, right});
  const bool prefix = proto.normalizer.add_dummy_prefix;
  json normalizers = json::array();
  if (prefix) normalizers.push_back({{"type", "Prepend"}, {"prepend", kSpaceMark}});
  normalizers.push_back(string_replace(" ", kSpaceMark));
  json decoders = json::array();
  decoders.push_back(string_replace(kSpaceMark, " "));
  decoders.push_back({{"type", "ByteFallback"}});
  decoders.push_back({{"type", "Fuse"}});
  if (prefix) {
    decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  const auto unk = std::find_if(proto.pieces.begin(), proto.pieces.end(),
                                [](const Piece& p) { return p.type == TokenType::kUnknown; });
  json document{{"version", "1.0"},
                {"truncation", nullptr},
                {"padding", nullptr},
                {"added_tokens", added},
                {"normalizer", {{"type", "Sequence"}, {"normalizers", normalizers}}},
                {"pre_tokenizer", nullptr},
                {"post_processor", bos_template(tokenizer, add_bos)},
                {"decoder", {{"type", "Sequence"}, {"decoders", decoders}}},
                {"model",
                 {{"type", "BPE"},
                  {"dropout", nullptr},
                  {"unk_token", unk->text},
                  {"continuing_subword_prefix", nullptr},
                  {"end_of_word_suffix", nullptr},
                  {"fuse_unk", true},
                  {"byte_fallback", proto.byte_fallback},
                  {"ignore_merges", false},
                  {"vocab", vocab},
                  {"merges", merges}}}};
  return document.dump() + "\n";
}

}  // namespace

GgufTokenizerKeys sentencepiece_gguf_keys(const SentencePieceProto& proto) {
  const bool is_bpe = proto.model_type == SentencePieceProto::kBpe;
  if (!is_bpe && proto.model_type != SentencePieceProto::kUnigram) {
    throw Error("a SentencePiece model of words or characters has no form in GGUF");
  }
  if (proto.treat_whitespace_as_suffix || !proto.normalizer.escape_whitespaces) {
    throw Error("a SentencePiece model that treats white space so has no form in GGUF");
  }
  GgufTokenizerKeys keys;
  keys.model = is_bpe ? "llama" : "t5";
  keys.pre = "default";
  for (const Piece& piece : proto.pieces) {
    keys.tokens.push_back(piece.text);
    keys.scores.push_back(piece.score);
    keys.token_types.push_back(static_cast<int32_t>(piece.type));
  }
  keys.add_space_prefix = proto.normalizer.add_dummy_prefix;
  keys.remove_extra_whitespaces = proto.normalizer.remove_extra_whitespaces;
  keys.precompiled_charsmap = proto.normalizer.precompiled_charsmap;
  return keys;
}

SentencePieceProto sentencepiece_from_gguf(const GgufTokenizerKeys& keys) {
  if (keys.model != "llama" && keys.model != "t5") {
    throw Error("tokenizer.ggml.model: \"" + keys.model + "\" is not a SentencePiece model");
  }
  const size_t count = keys.tokens.size();
  if (keys.scores.size() != count || keys.token_types.size() != count) {
    throw Error("tokenizer.ggml.tokens, .scores and .token_type have " + std::to_string(count) +
                ", " + std::to_string(keys.scores.size()) + " and " +
                std::to_string(keys.token_types.size()) + " entries, must be as many");
  }
  SentencePieceProto proto;
  proto.model_type =
      keys.model == "llama" ? SentencePieceProto::kBpe : SentencePieceProto::kUnigram;
  proto.normalizer.name = keys.precompiled_charsmap.empty() ? "identity" : "user_defined";
  proto.normalizer.precompiled_charsmap = keys.precompiled_charsmap;
  proto.normalizer.add_dummy_prefix = keys.add_space_prefix.value_or(true);
  proto.normalizer.remove_extra_whitespaces = keys.remove_extra_whitespaces.value_or(false);
  size_t bytes = 0;
  bool has_unknown = false;
  for (size_t i = 0; i < count; ++i) {
    const int32_t type = keys.token_types[i];
    if (type < 1 || type > 6) {
      throw Error("tokenizer.ggml.token_type[" + std::to_string(i) + "]: " + std::to_string(type) +
                  " is not a type of token");
    }
    proto.pieces.push_back({keys.tokens[i], keys.scores[i], static_cast<TokenType>(type)});
    bytes += proto.pieces.back().type == TokenType::kByte;
    has_unknown = has_unknown || proto.pieces.back().type == TokenType::kUnknown;
  }
  proto.byte_fallback = bytes == 256;
  for (Piece& piece : proto.pieces) {
    // Fewer than all byte tokens are of no use to the library: they are then plain pieces.
    if (!proto.byte_fallback && piece.type == TokenType::kByte) piece.type = TokenType::kUnused;
    if (piece.type == TokenType::kUnknown) proto.unk_piece = piece.text;
  }
  if (!has_unknown && keys.unk_id && *keys.unk_id >= 0 &&
      *keys.unk_id < static_cast<int64_t>(count)) {
    proto.pieces[*keys.unk_id].type = TokenType::kUnknown;
    proto.unk_piece = proto.pieces[*keys.unk_id].text;
  }
  const auto name = [&](std::optional<int64_t> id, std::string& piece) {
    if (id && *id >= 0 && *id < static_cast<int64_t>(count)) piece = keys.tokens[*id];
  };
  name(keys.bos_id, proto.bos_piece);
  name(keys.eos_id, proto.eos_piece);
  name(keys.pad_id, proto.pad_piece);
  proto.check();
  return proto;
}

std::vector<TokenizerFile> sentencepiece_files(const SentencePieceProto& proto,
                                               const Tokenizer& tokenizer, bool add_bos) {
  json config{{"tokenizer_class", "LlamaTokenizer"},
              {"add_bos_token", add_bos},
              {"add_eos_token", false},
              {"legacy", true},
              {"clean_up_tokenization_spaces", false}};
  const auto name = [&](const char* key, std::optional<int32_t> id) {
    if (!id) return;
    const bool is_piece = *id < static_cast<int32_t>(proto.pieces.size());
    config[key] = is_piece ? proto.pieces[*id].text : tokenizer.token_bytes(*id);
  };
  name("bos_token", tokenizer.bos_id());
  name("eos_token",
       tokenizer.eos_ids().empty() ? std::nullopt : std::optional(tokenizer.eos_ids().front()));
  name("unk_token", tokenizer.unk_id());
  name("pad_token", tokenizer.pad_id());
  std::vector<TokenizerFile> files;
  if (fits_tokenizer_json(proto)) {
    files.push_back({"tokenizer.json", tokenizer_json(proto, tokenizer, add_bos)});
    config["tokenizer_class"] = "PreTrainedTokenizerFast";
  }
  files.push_back({"tokenizer.model", proto.serialize()});
  files.push_back({"tokenizer_config.json", config.dump(2) + "\n"});
  return files;
}

}  // namespace gradus::policy
