// Reading tokenizer.json into the parts of a ByteLevelBpe.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

#include "policy/tokenizer/bpe/byte_level_bpe.h"
#include "policy/tokenizer/json_component.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

using nlohmann::json;

const json& member(const json& object, const char* key) {
  static const json null;
  const auto it = object.find(key);
  return it == object.end() ? null : *it;
}

int32_t read_id(const json& value, const std::string& at) {
  if (!value.is_number_integer() || value < 0 || value > INT32_MAX) {
    throw Error(at + ": must be a token id, a whole number below 2^31");
  }
  return value.get<int32_t>();
}

std::vector<std::pair<std::string, int32_t>> read_vocab(const json& model) {
  const json& vocab = member(model, "vocab");
  if (!vocab.is_object() || vocab.empty()) throw Error("model.vocab: must be an object of ids");
  std::vector<std::pair<std::string, int32_t>> out;
  out.reserve(vocab.size());
  for (const auto& [piece, id] : vocab.items()) {
    out.emplace_back(piece, read_id(id, "model.vocab[\"" + piece + "\"]"));
  }
  return out;
}

// "a b" (older files) or ["a", "b"] (newer ones).
std::pair<std::string, std::string> read_merge(const json& merge, const std::string& at) {
  if (merge.is_string()) {
    const std::string text = merge.get<std::string>();
    const size_t blank = text.find(' ');
    if (blank != std::string::npos && text.find(' ', blank + 1) == std::string::npos) {
      return {text.substr(0, blank), text.substr(blank + 1)};
    }
    throw Error(at + ": \"" + text + "\" must be two tokens and one space between them");
  }
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  throw Error(at + ": must be \"a b\" or [\"a\", \"b\"]");
}

void refuse_if_set(const JsonComponent& model, const char* key) {
  if (model.has(key) && !model.text(key).empty()) {
    model.refuse(std::string(key) + " is not supported: byte-level and byte-fallback BPE only");
  }
}

BpeSpec read_model(const json& document) {
  const json& json_model = member(document, "model");
  if (!json_model.is_object()) throw Error("model: is missing");
  // Files written before the type was a field hold BPE if they hold merges.
  json head = json_model;
  if (!head.contains("type") && head.contains("merges")) head["type"] = "BPE";
  const JsonComponent model(head, "model");
  if (model.type() != "BPE") model.refuse_type("BPE");
  refuse_if_set(model, "continuing_subword_prefix");
  refuse_if_set(model, "end_of_word_suffix");
  if (model.has("dropout") && head["dropout"] != 0) {
    model.refuse("dropout makes tokenisation random; set it to null");
  }
  BpeSpec spec;
  spec.vocab = read_vocab(json_model);
  const json& merges = model.list("merges");
  spec.merges.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    spec.merges.push_back(read_merge(merges[i], "model.merges[" + std::to_string(i) + "]"));
  }
  if (model.has("unk_token")) spec.unk_token = model.text("unk_token");
  spec.fuse_unk = model.flag("fuse_unk", false);
  spec.byte_fallback = model.flag("byte_fallback", false);
  spec.ignore_merges = model.flag("ignore_merges", false);
  return spec;
}

std::vector<AddedToken> read_added_tokens(const json& document) {
  const json& list = member(document, "added_tokens");
  std::vector<AddedToken> tokens;
  if (list.is_null()) return tokens;
  if (!list.is_array()) throw Error("added_tokens: must be a list");
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string at = "added_tokens[" + std::to_string(i) + "]";
    if (!list[i].is_object() || !member(list[i], "content").is_string()) {
      throw Error(at + ": must be an object with a content");
    }
    AddedToken token;
    token.id = read_id(member(list[i], "id"), at + ".id");
    token.content = list[i]["content"].get<std::string>();
    const auto flag = [&](const char* key, bool otherwise) {
      const json& value = member(list[i], key);
      if (value.is_null()) return otherwise;
      if (!value.is_boolean()) throw Error(at + "." + key + ": must be true or false");
      return value.get<bool>();
    };
    token.special = flag("special", false);
    token.single_word = flag("single_word", false);
    token.lstrip = flag("lstrip", false);
    token.rstrip = flag("rstrip", false);
    token.normalized = flag("normalized", !token.special);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// As the reference implementation, which takes an added token's id from the vocabulary or counts on
// from its end, whatever the file says: a hole is closed.
void assign_ids(std::vector<AddedToken>& tokens, const BpeModel& model) {
  const auto size = static_cast<int32_t>(model.spec().vocab.size());
  std::unordered_map<std::string, int32_t> ids;
  int32_t next = size;
  for (AddedToken& token : tokens) {
    if (token.content.empty()) continue;
    const auto known = ids.find(token.content);
    const auto piece = model.find(token.content);
    token.id = known != ids.end() ? known->second : piece ? *piece : next;
    ids.emplace(token.content, token.id);
    next = std::max(next, token.id + 1);
  }
}

// The ids that a TemplateProcessing puts around a single sequence.
void read_template(const JsonComponent& part, const json& component, ByteLevelBpe::Parts& parts) {
  bool seen_sequence = false;
  for (const json& item : part.list("single")) {
    if (item.is_object() && item.contains("Sequence")) {
      seen_sequence = true;
      continue;
    }
    const json& token = item.is_object() ? member(item, "SpecialToken") : item;
    const json& name = token.is_object() ? member(token, "id") : token;
    if (!name.is_string()) part.refuse("single must hold SpecialToken and Sequence items");
    const json& known = member(component, "special_tokens");
    const json& entry = known.is_object() ? member(known, name.get<std::string>().c_str()) : known;
    const json& ids = entry.is_object() ? member(entry, "ids") : entry;
    if (!ids.is_array()) {
      part.refuse("special_tokens lacks \"" + name.get<std::string>() + "\"");
    }
    for (const json& id : ids) {
      (seen_sequence ? parts.after : parts.before)
          .push_back(read_id(id, part.path() + ".special_tokens"));
    }
  }
}

void read_post_processor(const json& component, const std::string& path,
                         ByteLevelBpe::Parts& parts) {
  if (component.is_null()) return;
  const JsonComponent part(component, path);
  if (part.type() == "ByteLevel") return;  // moves offsets only
  if (part.type() == "TemplateProcessing") return read_template(part, component, parts);
  if (part.type() != "Sequence") part.refuse_type("TemplateProcessing, ByteLevel, Sequence");
  const json& list = part.list("processors");
  for (size_t i = 0; i < list.size(); ++i) {
    read_post_processor(list[i], path + ".processors[" + std::to_string(i) + "]", parts);
  }
}

bool contains_byte_level(const json& component) {
  if (!component.is_object()) return false;
  if (member(component, "type") == "ByteLevel") return true;
  const json& list = member(component, "pretokenizers");
  return list.is_array() && std::any_of(list.begin(), list.end(), contains_byte_level);
}

void check_ids(const ByteLevelBpe& tokenizer, const ByteLevelBpe::Parts& parts) {
  for (const auto* ids : {&parts.before, &parts.after}) {
    for (const int32_t id : *ids) {
      if (id >= tokenizer.vocab_size()) {
        throw Error("post_processor: token id " + std::to_string(id) +
                    " is outside the vocabulary of " + std::to_string(tokenizer.vocab_size()));
      }
    }
  }
}

}  // namespace

std::unique_ptr<ByteLevelBpe> ByteLevelBpe::from_json(std::string_view text) {
  json document;
  try {
    document = json::parse(text);
  } catch (const json::exception& error) {
    throw Error(std::string("is not valid JSON: ") + error.what());
  }
  if (!document.is_object()) throw Error("must hold a JSON object");
  Parts parts;
  parts.model = std::make_unique<BpeModel>(read_model(document));
  parts.added_tokens = read_added_tokens(document);
  assign_ids(parts.added_tokens, *parts.model);
  parts.normalizer = parse_normalizer(member(document, "normalizer"), "normalizer");
  parts.pre_tokenizer = parse_pre_tokenizer(member(document, "pre_tokenizer"), "pre_tokenizer");
  parts.decoder = parse_token_decoder(member(document, "decoder"), "decoder");
  read_post_processor(member(document, "post_processor"), "post_processor", parts);
  parts.byte_level = contains_byte_level(member(document, "pre_tokenizer"));
  parts.json = std::string(text);
  auto tokenizer = std::make_unique<ByteLevelBpe>(std::move(parts));
  check_ids(*tokenizer, tokenizer->parts_);
  return tokenizer;
}

}  // namespace gradus::policy
