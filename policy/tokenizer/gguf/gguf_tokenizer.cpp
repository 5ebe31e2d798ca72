#include "policy/tokenizer/gguf/gguf_tokenizer.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "policy/tokenizer/bpe/byte_level_bpe.h"
#include "policy/tokenizer/gguf/gguf_pre_tokenizers.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_export.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_model.h"

namespace gradus::policy {
namespace {

using nlohmann::json;

TokenType type_of(const GgufTokenizerKeys& keys, size_t id) {
  if (keys.token_types.empty()) return TokenType::kNormal;
  const int32_t type = keys.token_types[id];
  if (type < 1 || type > 6) {
    throw Error("tokenizer.ggml.token_type[" + std::to_string(id) + "]: " + std::to_string(type) +
                " is not a type of token");
  }
  return static_cast<TokenType>(type);
}

json special_around(const GgufTokenizerKeys& keys) {
  json single = json::array();
  json known = json::object();
  const auto add = [&](std::optional<bool> wanted, std::optional<int64_t> id) {
    if (!wanted.value_or(false) || !id || *id < 0 ||
        *id >= static_cast<int64_t>(keys.tokens.size())) {
      return;
    }
    const std::string& name = keys.tokens[*id];
    single.push_back({{"SpecialToken", {{"id", name}, {"type_id", 0}}}});
    known[name] = {{"id", name}, {"ids", json::array({*id})}, {"tokens", json::array({name})}};
  };
  add(keys.add_bos, keys.bos_id);
  single.push_back({{"Sequence", {{"id", "A"}, {"type_id", 0}}}});
  add(keys.add_eos, keys.eos_id);
  if (single.size() == 1) return nullptr;
  json pair = single;
  pair.push_back({{"Sequence", {{"id", "B"}, {"type_id", 0}}}});
  return {{"type", "TemplateProcessing"},
          {"single", single},
          {"pair", pair},
          {"special_tokens", known}};
}

struct Vocabulary {
  json tokens = json::object();
  json added = json::array();
};

Vocabulary vocabulary_of(const GgufTokenizerKeys& keys) {
  Vocabulary vocab;
  for (size_t id = 0; id < keys.tokens.size(); ++id) {
    const std::string& token = keys.tokens[id];
    const TokenType type = type_of(keys, id);
    if (!vocab.tokens.emplace(token, id).second) {
      if (type == TokenType::kUnused) continue;
      throw Error("tokenizer.ggml.tokens[" + std::to_string(id) + "]: \"" + token +
                  "\" stands there twice");
    }
    if (type != TokenType::kControl && type != TokenType::kUserDefined) continue;
    vocab.added.push_back({{"id", id},
                           {"content", token},
                           {"single_word", false},
                           {"lstrip", false},
                           {"rstrip", false},
                           {"normalized", false},
                           {"special", type == TokenType::kControl}});
  }
  return vocab;
}

json merges_of(const GgufTokenizerKeys& keys) {
  json merges = json::array();
  for (const std::string& merge : keys.merges) {
    // A blank cannot be part of a byte-level token, but may begin one in a foreign vocabulary.
    const size_t blank = merge.find(' ', 1);
    if (blank == std::string::npos) {
      throw Error("tokenizer.ggml.merges: \"" + merge + "\" must be two tokens");
    }
    merges.push_back(json::array({merge.substr(0, blank), merge.substr(blank + 1)}));
  }
  return merges;
}

json pre_tokenizer_of(const GgufTokenizerKeys& keys, json pre_tokenizer) {
  if (!keys.add_space_prefix.value_or(false)) return pre_tokenizer;
  json& parts = pre_tokenizer.contains("pretokenizers")
                    ? pre_tokenizer["pretokenizers"]
                    : (pre_tokenizer = json::array({pre_tokenizer}));
  for (json& part : parts) {
    if (part["type"] == "ByteLevel") part["add_prefix_space"] = true;
  }
  if (pre_tokenizer.is_array()) {
    pre_tokenizer = {{"type", "Sequence"}, {"pretokenizers", pre_tokenizer}};
  }
  return pre_tokenizer;
}

// The tokenizer.json that says the same as the keys of a "gpt2" model.
std::string byte_level_document(const GgufTokenizerKeys& keys) {
  if (keys.tokens.empty()) throw Error("tokenizer.ggml.tokens: is missing or empty");
  if (!keys.token_types.empty() && keys.token_types.size() != keys.tokens.size()) {
    throw Error("tokenizer.ggml.token_type: has " + std::to_string(keys.token_types.size()) +
                " entries for " + std::to_string(keys.tokens.size()) + " tokens");
  }
  const GgufPreTokenizer& pre = gguf_pre_tokenizer(keys.pre);
  const Vocabulary vocab = vocabulary_of(keys);
  const json document{{"version", "1.0"},
                      {"truncation", nullptr},
                      {"padding", nullptr},
                      {"added_tokens", vocab.added},
                      {"normalizer", pre.normalizer},
                      {"pre_tokenizer", pre_tokenizer_of(keys, pre.pre_tokenizer)},
                      {"post_processor", special_around(keys)},
                      {"decoder",
                       {{"type", "ByteLevel"},
                        {"add_prefix_space", true},
                        {"trim_offsets", true},
                        {"use_regex", true}}},
                      {"model",
                       {{"type", "BPE"},
                        {"dropout", nullptr},
                        {"unk_token", nullptr},
                        {"continuing_subword_prefix", nullptr},
                        {"end_of_word_suffix", nullptr},
                        {"fuse_unk", false},
                        {"byte_fallback", false},
                        {"ignore_merges", pre.ignore_merges},
                        {"vocab", vocab.tokens},
                        {"merges", merges_of(keys)}}}};
  try {
    return document.dump() + "\n";
  } catch (const json::exception& error) {
    throw Error(std::string("tokenizer.ggml.tokens: not valid UTF-8: ") + error.what());
  }
}

std::unique_ptr<Tokenizer> sentencepiece_of(const GgufTokenizerKeys& keys) {
  SentencePieceOptions options;
  SentencePieceProto proto = sentencepiece_from_gguf(keys);
  for (size_t id = 0; id < proto.pieces.size(); ++id) {
    if (proto.pieces[id].type != TokenType::kControl) continue;
    AddedToken token;
    token.id = static_cast<int32_t>(id);
    token.content = proto.pieces[id].text;
    token.normalized = false;
    token.special = true;
    options.added_tokens.push_back(token);
  }
  return std::make_unique<SentencePieceModel>(std::move(proto), std::move(options));
}

SpecialIds special_ids(const GgufTokenizerKeys& keys, int32_t vocab_size) {
  const auto checked = [&](const char* name, std::optional<int64_t> id) -> std::optional<int32_t> {
    if (!id) return std::nullopt;
    if (*id >= 0 && *id < vocab_size) return static_cast<int32_t>(*id);
    throw Error(std::string("tokenizer.ggml.") + name + "_token_id: " + std::to_string(*id) +
                " is outside the vocabulary of " + std::to_string(vocab_size) + " tokens");
  };
  SpecialIds ids;
  ids.bos = checked("bos", keys.bos_id);
  if (const auto eos = checked("eos", keys.eos_id)) ids.eos.push_back(*eos);
  ids.pad = checked("padding", keys.pad_id);
  ids.unk = checked("unknown", keys.unk_id);
  return ids;
}

/// What llama.cpp takes where the file does not say whether it wants bos and eos (llama-vocab.cpp).
GgufTokenizerKeys with_defaults(GgufTokenizerKeys keys) {
  if (!keys.huggingface_json.empty()) return keys;
  const bool is_bpe = keys.model == "gpt2";
  if (!keys.add_bos) {
    keys.add_bos = keys.model == "llama" || (is_bpe && gguf_pre_tokenizer(keys.pre).adds_bos);
  }
  if (!keys.add_eos) keys.add_eos = keys.model == "t5";
  return keys;
}

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_gguf(const GgufTokenizerKeys& stated) {
  const GgufTokenizerKeys keys = with_defaults(stated);
  std::unique_ptr<Tokenizer> tokenizer;
  if (!keys.huggingface_json.empty()) {
    try {
      tokenizer = ByteLevelBpe::from_json(keys.huggingface_json);
    } catch (const Error& error) {
      throw Error(std::string("tokenizer.huggingface.json: ") + error.what());
    }
  } else if (keys.model == "gpt2") {
    tokenizer = ByteLevelBpe::from_json(byte_level_document(keys));
  } else if (keys.model == "llama" || keys.model == "t5") {
    tokenizer = sentencepiece_of(keys);
  } else {
    throw Error("tokenizer.ggml.model: \"" + keys.model +
                "\" is not supported; known are gpt2, llama, t5");
  }
  tokenizer->set_special_ids(special_ids(keys, tokenizer->vocab_size()));
  tokenizer->set_adds(keys.add_bos, keys.add_eos);
  return tokenizer;
}

}  // namespace gradus::policy
