#include "policy/checkpoint_tokenizer.h"

#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/files/contained_file.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

/// Reads keys below "tokenizer." by type.
class KeyReader {
 public:
  explicit KeyReader(const GgufFile& file) : file_(file) {}

  std::string text(const char* key) const {
    const auto* value = find(key);
    if (value == nullptr) return "";
    if (value->text() == nullptr) refuse(key, "text");
    return *value->text();
  }
  std::optional<int64_t> whole(const char* key) const {
    const auto* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->whole()) refuse(key, "a whole number");
    return value->whole();
  }
  std::optional<bool> flag(const char* key) const {
    const auto* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->flag()) refuse(key, "true or false");
    return value->flag();
  }
  std::vector<std::string> texts(const char* key) const {
    const auto* value = find(key);
    if (value == nullptr) return {};
    if (value->strings() == nullptr) refuse(key, "a list of texts");
    return *value->strings();
  }
  /// A list of numbers of any type.
  template <class T>
  std::vector<T> numbers(const char* key) const {
    const auto* value = find(key);
    if (value == nullptr) return {};
    if (value->array() == nullptr) refuse(key, "a list of numbers");
    return std::visit(
        [&](const auto& items) -> std::vector<T> {
          using Item = typename std::decay_t<decltype(items)>::value_type;
          if constexpr (std::is_arithmetic_v<Item> && !std::is_same_v<Item, bool>) {
            std::vector<T> numbers;
            numbers.reserve(items.size());
            for (const auto item : items) numbers.push_back(static_cast<T>(item));
            return numbers;
          } else {
            refuse(key, "a list of numbers");
          }
        },
        value->array()->items);
  }

 private:
  const GgufValue* find(const char* key) const {
    return file_.entry(std::string("tokenizer.") + key);
  }
  [[noreturn]] void refuse(const char* key, const char* expected) const {
    throw FileError(file_.path().string(), "bad_tokenizer",
                    std::string("tokenizer.") + key + " must be " + expected);
  }

  const GgufFile& file_;
};

bool is_gguf(const fs::path& path) {
  return path.extension() == ".gguf";
}

bool has_tokenizer_files(const fs::path& dir) {
  return fs::exists(dir / "tokenizer.json") || fs::exists(dir / "tokenizer.model");
}

/// The only .gguf of a directory without tokenizer files.
std::optional<fs::path> gguf_within(const fs::path& dir) {
  if (!fs::is_directory(dir) || has_tokenizer_files(dir)) return std::nullopt;
  std::optional<fs::path> found;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (!is_gguf(entry.path())) continue;
    if (found) return std::nullopt;
    found = entry.path();
  }
  return found;
}

LoadedTokenizer load_from_gguf(const fs::path& path) {
  const GgufFile file = GgufFile::open(path);
  if (file.entry("tokenizer.ggml.model") == nullptr) {
    throw FileError(path.string(), "tokenizer_missing", "has no key tokenizer.ggml.model");
  }
  return load_tokenizer(read_gguf_tokenizer(file), path.string());
}

/// llama.cpp takes a file whose embedding has other rows than there are tokens for damaged: rows
/// that pad the embedding get names that no text can hold.
void fill_up(GgufTokenizerKeys& keys, int64_t num_rows) {
  if (std::ssize(keys.tokens) > num_rows) {
    throw ArgumentError("the tokenizer has " + std::to_string(keys.tokens.size()) +
                        " tokens, the embedding " + std::to_string(num_rows) +
                        " rows; they are not of one model");
  }
  std::set<std::string_view> taken(keys.tokens.begin(), keys.tokens.end());
  std::vector<std::string> names;
  for (int64_t id = std::ssize(keys.tokens); id < num_rows; ++id) {
    std::string name = "[PAD" + std::to_string(id) + "]";
    while (taken.count(name) > 0) name.insert(1, "_");
    names.push_back(std::move(name));
  }
  constexpr float kNeverScore = -10000.0F;
  for (std::string& name : names) {
    keys.tokens.push_back(std::move(name));
    if (!keys.token_types.empty()) {
      keys.token_types.push_back(static_cast<int32_t>(TokenType::kUnused));
    }
    if (!keys.scores.empty()) keys.scores.push_back(kNeverScore);
  }
}

}  // namespace

LoadedTokenizer load_checkpoint_tokenizer(const fs::path& path) {
  if (!fs::exists(path))
    throw FileError(path.string(), "missing", "there is no such file or folder");
  if (fs::is_directory(path)) {
    const auto gguf = gguf_within(path);
    if (!gguf) return load_tokenizer(path.string());
    check_stays_inside(*gguf);
    return load_from_gguf(*gguf);
  }
  if (is_gguf(path)) return load_from_gguf(path);
  const auto dir = path.parent_path();
  return load_tokenizer(dir.empty() ? "." : dir.string());
}

GgufTokenizerKeys read_gguf_tokenizer(const GgufFile& file) {
  const KeyReader read(file);
  GgufTokenizerKeys keys;
  keys.model = read.text("ggml.model");
  keys.pre = read.text("ggml.pre");
  keys.tokens = read.texts("ggml.tokens");
  keys.merges = read.texts("ggml.merges");
  const bool has_merges = file.entry("tokenizer.ggml.merges") != nullptr;
  if (keys.model == "gpt2" && !has_merges && file.entry("tokenizer.huggingface.json") == nullptr) {
    throw FileError(file.path().string(), "bad_tokenizer",
                    "tokenizer.ggml.merges is missing, without which every text falls into bytes");
  }
  keys.scores = read.numbers<float>("ggml.scores");
  keys.token_types = read.numbers<int32_t>("ggml.token_type");
  keys.bos_id = read.whole("ggml.bos_token_id");
  keys.eos_id = read.whole("ggml.eos_token_id");
  keys.unk_id = read.whole("ggml.unknown_token_id");
  keys.pad_id = read.whole("ggml.padding_token_id");
  keys.add_bos = read.flag("ggml.add_bos_token");
  keys.add_eos = read.flag("ggml.add_eos_token");
  keys.add_space_prefix = read.flag("ggml.add_space_prefix");
  keys.remove_extra_whitespaces = read.flag("ggml.remove_extra_whitespaces");
  const auto charsmap = read.numbers<uint8_t>("ggml.precompiled_charsmap");
  keys.precompiled_charsmap.assign(charsmap.begin(), charsmap.end());
  keys.chat_template = read.text("chat_template");
  keys.huggingface_json = read.text("huggingface.json");
  return keys;
}

GgufEntries gguf_tokenizer_entries(const LoadedTokenizer& loaded, int64_t num_rows) {
  GgufTokenizerKeys keys = loaded.tokenizer->gguf_metadata();
  fill_up(keys, num_rows);
  GgufEntries entries;
  auto add = [&entries](const char* key, GgufValue value) {
    entries.emplace_back(std::string("tokenizer.") + key, std::move(value));
  };
  auto add_text = [&add](const char* key, const std::string& text) {
    if (!text.empty()) add(key, GgufValue::string(text));
  };
  auto add_id = [&add](const char* key, const std::optional<int64_t>& id) {
    if (id) add(key, GgufValue::u32(static_cast<uint32_t>(*id)));
  };
  auto add_flag = [&add](const char* key, const std::optional<bool>& flag) {
    if (flag) add(key, GgufValue::boolean(*flag));
  };
  add_text("ggml.model", keys.model);
  add_text("ggml.pre", keys.pre);
  add("ggml.tokens", GgufValue::strings(keys.tokens));
  if (!keys.scores.empty()) {
    add("ggml.scores", GgufValue::f32s({keys.scores.begin(), keys.scores.end()}));
  }
  add("ggml.token_type", GgufValue::i32s({keys.token_types.begin(), keys.token_types.end()}));
  if (!keys.merges.empty()) add("ggml.merges", GgufValue::strings(keys.merges));
  add_id("ggml.bos_token_id", keys.bos_id);
  add_id("ggml.eos_token_id", keys.eos_id);
  add_id("ggml.unknown_token_id", keys.unk_id);
  add_id("ggml.padding_token_id", keys.pad_id);
  add_flag("ggml.add_bos_token", keys.add_bos);
  add_flag("ggml.add_eos_token", keys.add_eos);
  add_flag("ggml.add_space_prefix", keys.add_space_prefix);
  add_flag("ggml.remove_extra_whitespaces", keys.remove_extra_whitespaces);
  if (!keys.precompiled_charsmap.empty()) {
    std::vector<uint64_t> bytes;
    for (const char c : keys.precompiled_charsmap) bytes.push_back(static_cast<unsigned char>(c));
    add("ggml.precompiled_charsmap", {GgufType::array, GgufArray{GgufType::u8, std::move(bytes)}});
  }
  add_text("huggingface.json", keys.huggingface_json);
  if (loaded.chat_template) add_text("chat_template", loaded.chat_template->text());
  return entries;
}

}  // namespace gradus::policy
