#include "policy/tokenizer/load_tokenizer.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/contained_file.h"
#include "policy/tokenizer/bpe/byte_level_bpe.h"
#include "policy/tokenizer/gguf/gguf_tokenizer.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_model.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int64_t kMaxFileBytes = int64_t{512} << 20;
constexpr const char* kRoles[] = {"bos_token", "eos_token", "pad_token", "unk_token"};
constexpr const char* kOtherRoles[] = {"sep_token", "cls_token", "mask_token"};
constexpr const char* kKeptFiles[] = {
    "tokenizer.json",          "tokenizer.model",   "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "chat_template.jinja",
    "chat_template.json",      "vocab.json",        "merges.txt"};

[[noreturn]] void refuse(const fs::path& file, const std::string& what) {
  throw FileError(file.string(), "invalid_tokenizer", what);
}

// Nothing where there is no such file.
std::optional<std::string> read_companion(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error) && !error) return std::nullopt;
  check_stays_inside(file);
  return read_file(file, kMaxFileBytes);
}

// A JSON object, empty if there is no such file.
json read_object(const fs::path& file) {
  const auto text = read_companion(file);
  if (!text) return json::object();
  json out;
  try {
    out = json::parse(*text);
  } catch (const json::exception& error) {
    refuse(file, std::string("is not valid JSON: ") + error.what());
  }
  if (!out.is_object()) refuse(file, "must hold a JSON object");
  return out;
}

const json* non_null_member(const json& object, const std::string& key) {
  const auto it = object.find(key);
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

// "bos_token" and its kin: a string, or an object with a "content".
std::optional<std::string> token_text(const json& value, const fs::path& file,
                                      const std::string& key) {
  if (value.is_string()) return value.get<std::string>();
  if (const json* content = value.is_object() ? non_null_member(value, "content") : nullptr;
      content != nullptr && content->is_string()) {
    return content->get<std::string>();
  }
  refuse(file, key + ": must be a string or an object with a content");
}

std::optional<bool> flag(const json& object, const fs::path& file, const char* key) {
  const json* value = non_null_member(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse(file, std::string(key) + ": must be true or false");
  return value->get<bool>();
}

class Directory {
 public:
  explicit Directory(fs::path dir)
      : dir_(std::move(dir)),
        config_file_(dir_ / "tokenizer_config.json"),
        config_(read_object(config_file_)),
        map_file_(dir_ / "special_tokens_map.json"),
        map_(read_object(map_file_)) {
    for (const char* role : kRoles) {
      if (const auto text = named_token(role)) named_[role] = *text;
    }
  }

  LoadedTokenizer load() {
    LoadedTokenizer out;
    if (const auto text = read_companion(dir_ / "tokenizer.json")) {
      out.tokenizer = from_tokenizer_json(*text);
    } else if (const auto bytes = read_companion(dir_ / "tokenizer.model")) {
      out.tokenizer = from_model(*bytes);
    } else {
      throw FileError(dir_.string(), "tokenizer_missing",
                      "holds neither tokenizer.json nor tokenizer.model");
    }
    out.tokenizer->set_special_ids(special_ids(*out.tokenizer));
    out.tokenizer->set_adds(adds("add_bos_token"), adds("add_eos_token"));
    out.tokenizer->set_source_files(kept_files());
    out.chat_template = chat_template();
    for (const auto& [role, text] : named_) out.variables[role] = text;
    name_from_ids(out);
    // A null in tokenizer_config.json says that there is none, whatever ids other files name.
    for (const char* role : {"bos_token", "eos_token"}) {
      const auto said = config_.find(role);
      if (said != config_.end() && said->is_null() && !named_.contains(role)) {
        out.variables.erase(role);
      }
    }
    return out;
  }

 private:
  std::optional<std::string> named_token(const char* role) const {
    if (const json* value = non_null_member(config_, role))
      return token_text(*value, config_file_, role);
    if (const json* value = non_null_member(map_, role)) return token_text(*value, map_file_, role);
    return std::nullopt;
  }

  std::optional<bool> adds(const char* key) const { return flag(config_, config_file_, key); }

  // All tokens that the files call special.
  std::vector<std::string> special_tokens() const {
    std::vector<std::string> out;
    for (const auto& [role, text] : named_) out.push_back(text);
    const std::pair<const json*, const fs::path*> sources[] = {{&config_, &config_file_},
                                                               {&map_, &map_file_}};
    for (const auto& [object, file] : sources) {
      for (const char* role : kOtherRoles) {
        if (const json* value = non_null_member(*object, role))
          out.push_back(*token_text(*value, *file, role));
      }
      for (const char* key : {"additional_special_tokens", "extra_special_tokens"}) {
        const json* list = non_null_member(*object, key);
        if (list == nullptr || !list->is_array()) continue;
        for (const json& item : *list) out.push_back(*token_text(item, *file, key));
      }
    }
    return out;
  }

  std::unique_ptr<Tokenizer> from_tokenizer_json(const std::string& text) const {
    const fs::path file = dir_ / "tokenizer.json";
    try {
      auto tokenizer = ByteLevelBpe::from_json(text);
      tokenizer->mark_special(special_tokens());
      return tokenizer;
    } catch (const FileError&) {
      throw;
    } catch (const Error& error) {
      refuse(file, error.what());
    }
  }

  std::unique_ptr<Tokenizer> from_model(const std::string& bytes) const {
    const fs::path file = dir_ / "tokenizer.model";
    try {
      SentencePieceProto proto = SentencePieceProto::parse(bytes);
      SentencePieceOptions options;
      options.added_tokens = added_tokens(proto);
      options.prefix_after_added = adds("legacy").value_or(true);
      return std::make_unique<SentencePieceModel>(std::move(proto), std::move(options));
    } catch (const FileError&) {
      throw;
    } catch (const Error& error) {
      refuse(file, error.what());
    }
  }

  // What a `.model` itself does not look for in text: tokens that the JSON files name.
  std::vector<AddedToken> added_tokens(const SentencePieceProto& proto) const {
    std::vector<AddedToken> out;
    const auto add = [&](AddedToken token) {
      const auto same = std::find_if(out.begin(), out.end(), [&](const AddedToken& other) {
        return other.content == token.content;
      });
      if (same == out.end()) {
        out.push_back(std::move(token));
      } else {
        same->special = same->special || token.special;
      }
    };
    const fs::path added_file = dir_ / "added_tokens.json";
    const json added = read_object(added_file);
    for (const auto& [content, id] : added.items()) {
      AddedToken token;
      token.id = checked_id(id, added_file, content);
      token.content = content;
      add(std::move(token));
    }
    if (const json* decoder = non_null_member(config_, "added_tokens_decoder")) {
      if (!decoder->is_object()) refuse(config_file_, "added_tokens_decoder: must be an object");
      for (const auto& [id, entry] : decoder->items()) add(decoded_entry(id, entry));
    }
    for (const std::string& content : special_tokens()) {
      const auto piece = std::find_if(proto.pieces.begin(), proto.pieces.end(),
                                      [&](const auto& p) { return p.text == content; });
      AddedToken token;
      token.id =
          piece != proto.pieces.end() ? static_cast<int32_t>(piece - proto.pieces.begin()) : -1;
      token.content = content;
      token.special = true;
      const bool known = std::any_of(out.begin(), out.end(), [&](const AddedToken& other) {
        return other.content == content;
      });
      if (known || token.id >= 0) add(std::move(token));
    }
    return out;
  }

  AddedToken decoded_entry(const std::string& id, const json& entry) const {
    const std::string key = "added_tokens_decoder[\"" + id + "\"]";
    if (id.empty() || id.size() > 9 || id.find_first_not_of("0123456789") != std::string::npos) {
      refuse(config_file_, key + ": must be a token id");
    }
    AddedToken token;
    token.id = std::stoi(id);
    token.content = *token_text(entry, config_file_, key);
    if (!entry.is_object()) return token;
    token.special = flag(entry, config_file_, "special").value_or(false);
    token.lstrip = flag(entry, config_file_, "lstrip").value_or(false);
    token.rstrip = flag(entry, config_file_, "rstrip").value_or(false);
    token.single_word = flag(entry, config_file_, "single_word").value_or(false);
    return token;
  }

  static int32_t checked_id(const json& value, const fs::path& file, const std::string& key) {
    if (!value.is_number_integer() || value < 0 || value > INT32_MAX) {
      refuse(file, key + ": must be a token id, a whole number");
    }
    return value.get<int32_t>();
  }

  SpecialIds special_ids(const Tokenizer& tokenizer) const {
    SpecialIds ids = tokenizer.special_ids();
    const auto id_of = [&](const char* role, bool must_exist) -> std::optional<int32_t> {
      const auto named = named_.find(role);
      if (named == named_.end()) return std::nullopt;
      const auto id = tokenizer.find(named->second);
      if (!id && must_exist) {
        refuse(non_null_member(config_, role) ? config_file_ : map_file_,
               std::string(role) + ": \"" + named->second + "\" is not in the vocabulary");
      }
      return id;
    };
    if (const auto bos = id_of("bos_token", true)) ids.bos = bos;
    if (const auto eos = id_of("eos_token", true)) ids.eos = {*eos};
    if (const auto pad = id_of("pad_token", false)) ids.pad = pad;
    if (const auto unk = id_of("unk_token", false)) ids.unk = unk;
    add_generation_ids(dir_ / "generation_config.json", tokenizer, ids);
    if (ids.eos.empty()) add_generation_ids(dir_ / "config.json", tokenizer, ids);
    return ids;
  }

  void add_generation_ids(const fs::path& file, const Tokenizer& tokenizer, SpecialIds& ids) const {
    const json object = read_object(file);
    const auto id_of = [&](const json& value, const std::string& key) {
      const int32_t id = checked_id(value, file, key);
      if (id < tokenizer.vocab_size()) return id;
      refuse(file, key + ": " + std::to_string(id) + " is outside the vocabulary of " +
                       std::to_string(tokenizer.vocab_size()) + " tokens");
    };
    if (const json* eos = non_null_member(object, "eos_token_id")) {
      const json list = eos->is_array() ? *eos : json::array({*eos});
      for (size_t i = 0; i < list.size(); ++i) {
        const int32_t id = id_of(list[i], "eos_token_id");
        if (std::find(ids.eos.begin(), ids.eos.end(), id) == ids.eos.end()) ids.eos.push_back(id);
      }
    }
    const json* bos = non_null_member(object, "bos_token_id");
    if (bos != nullptr && !ids.bos) ids.bos = id_of(*bos, "bos_token_id");
    const json* pad = non_null_member(object, "pad_token_id");
    // -1 is how older files say "none".
    if (pad != nullptr && !ids.pad && *pad != -1) ids.pad = id_of(*pad, "pad_token_id");
  }

  std::optional<ChatTemplate> chat_template() const {
    const fs::path jinja = dir_ / "chat_template.jinja";
    if (const auto text = read_companion(jinja)) return parse_template(*text, jinja, "");
    const fs::path own = dir_ / "chat_template.json";
    const json object = read_object(own);
    if (const json* value = non_null_member(object, "chat_template"))
      return template_of(*value, own);
    if (const json* value = non_null_member(config_, "chat_template"))
      return template_of(*value, config_file_);
    return std::nullopt;
  }

  static std::optional<ChatTemplate> template_of(const json& value, const fs::path& file) {
    if (value.is_string()) return parse_template(value.get<std::string>(), file, "chat_template: ");
    if (!value.is_array()) refuse(file, "chat_template: must be a string or a list");
    const json* chosen = nullptr;
    for (const json& entry : value) {
      const json* text = entry.is_object() ? non_null_member(entry, "template") : nullptr;
      if (text == nullptr || !text->is_string()) {
        refuse(file, "chat_template: its items must be {name, template}");
      }
      const json* name = non_null_member(entry, "name");
      if (name != nullptr && *name == "default") chosen = text;
      if (chosen == nullptr && value.size() == 1) chosen = text;
    }
    if (chosen == nullptr) return std::nullopt;
    return parse_template(chosen->get<std::string>(), file, "chat_template: ");
  }

  static ChatTemplate parse_template(const std::string& text, const fs::path& file,
                                     const std::string& key) {
    try {
      return ChatTemplate::parse(text);
    } catch (const Error& error) {
      throw FileError(file.string(), "unsupported_chat_template", key + error.what());
    }
  }

  // Roles that only an id names (generation_config.json) have a text too.
  static void name_from_ids(LoadedTokenizer& out) {
    const auto name = [&](const char* role, std::optional<int32_t> id) {
      if (id && !out.variables.contains(role)) {
        out.variables[role] = out.tokenizer->decode(std::vector<int32_t>{*id});
      }
    };
    const auto& eos = out.tokenizer->eos_ids();
    name("bos_token", out.tokenizer->bos_id());
    name("eos_token", eos.empty() ? std::nullopt : std::optional(eos.front()));
  }

  std::vector<TokenizerFile> kept_files() const {
    std::vector<TokenizerFile> files;
    for (const char* name : kKeptFiles) {
      if (auto contents = read_companion(dir_ / name))
        files.push_back({name, std::move(*contents)});
    }
    return files;
  }

  fs::path dir_;
  fs::path config_file_;
  json config_;
  fs::path map_file_;
  json map_;
  std::map<std::string, std::string> named_;
};

}  // namespace

LoadedTokenizer load_tokenizer(const std::string& dir) {
  if (!fs::is_directory(dir)) throw FileError(dir, "not_found", "is not a directory");
  return Directory(dir).load();
}

LoadedTokenizer load_tokenizer(const GgufTokenizerKeys& keys, const std::string& path) {
  LoadedTokenizer out;
  try {
    out.tokenizer = tokenizer_from_gguf(keys);
    if (!keys.chat_template.empty()) out.chat_template = ChatTemplate::parse(keys.chat_template);
  } catch (const Error& error) {
    throw FileError(path, "invalid_tokenizer", error.what());
  }
  const auto name = [&](const char* role, std::optional<int32_t> id) {
    if (id) out.variables[role] = out.tokenizer->token_bytes(*id);
  };
  const auto& eos = out.tokenizer->eos_ids();
  name("bos_token", out.tokenizer->bos_id());
  name("eos_token", eos.empty() ? std::nullopt : std::optional(eos.front()));
  name("pad_token", out.tokenizer->pad_id());
  if (out.chat_template) {
    auto files = out.tokenizer->source_files();
    files.push_back({"chat_template.jinja", keys.chat_template});
    out.tokenizer->set_source_files(std::move(files));
  }
  return out;
}

}  // namespace gradus::policy
