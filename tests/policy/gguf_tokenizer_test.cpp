// What GGUF files say of tokenizers and ropes, read and written as llama.cpp does.
#include "policy/tokenizer/gguf/gguf_tokenizer.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/formats/gguf/gguf_config.h"
#include "policy/formats/gguf/gguf_names.h"
#include "policy/formats/gguf/gguf_writer.h"
#include "policy/tokenizer/bpe/byte_alphabet.h"
#include "policy/tokenizer/bpe/byte_level_bpe.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room
using gradus::tests::TemporaryFolder;
using nlohmann::json;

namespace {

std::string symbols_of(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) append_byte_symbol(out, static_cast<uint8_t>(c));
  return out;
}

/// Byte-level BPE over all bytes, and each of `words` as one token.
json tokenizer_json(const std::vector<std::string>& words) {
  json vocab = json::object();
  json merges = json::array();
  for (int byte = 0; byte < 256; ++byte) {
    vocab[symbols_of(std::string(1, static_cast<char>(byte)))] = byte;
  }
  for (const std::string& word : words) {
    for (size_t length = 2; length <= word.size(); ++length) {
      const std::string left = symbols_of(word.substr(0, length - 1));
      const std::string right = symbols_of(word.substr(length - 1, 1));
      if (vocab.contains(left + right)) continue;
      vocab[left + right] = vocab.size();
      merges.push_back({left, right});
    }
  }
  return {{"added_tokens", json::array()},
          {"normalizer", nullptr},
          {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}}};
}

json split_by(const std::string& pattern, const std::string& behavior = "Isolated",
              bool invert = false) {
  return {{"type", "Sequence"},
          {"pretokenizers",
           {{{"type", "Split"},
             {"pattern", {{"Regex", pattern}}},
             {"behavior", behavior},
             {"invert", invert}},
            {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

std::string pre_of(const json& pre_tokenizer, const json& normalizer = nullptr) {
  json document = tokenizer_json({});
  document["pre_tokenizer"] = pre_tokenizer;
  document["normalizer"] = normalizer;
  try {
    return ByteLevelBpe::from_json(document.dump())->gguf_metadata().pre;
  } catch (const Error& error) {
    return error.what();
  }
}

LoadedTokenizer loaded(const json& document) {
  LoadedTokenizer out;
  out.tokenizer = ByteLevelBpe::from_json(document.dump());
  return out;
}

GgufEntries llama_entries() {
  return {{"general.architecture", GgufValue::string("llama")},
          {"llama.block_count", GgufValue::u32(1)},
          {"llama.context_length", GgufValue::u32(16)},
          {"llama.embedding_length", GgufValue::u32(4)},
          {"llama.feed_forward_length", GgufValue::u32(4)},
          {"llama.attention.head_count", GgufValue::u32(1)},
          {"llama.attention.layer_norm_rms_epsilon", GgufValue::f32(1e-5F)}};
}

/// The config of a file with these keys; its only tensor is an embedding of six rows.
json config_with(GgufEntries entries) {
  const TemporaryFolder folder;
  const std::vector<float> values(24, 1.0F);
  write_gguf_file(folder / "a.gguf", entries,
                  {float_tensor(gguf_tensor_name(TensorRole::embedding), {6, 4}, values)},
                  DType::F32);
  return hf_config_from_gguf(GgufFile::open(folder / "a.gguf"));
}

const std::string kLlama3Pieces =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

}  // namespace

TEST_CASE("rows that pad an embedding get unused tokens in GGUF", "[policy][gguf]") {
  json document = tokenizer_json({"[PAD257]"});
  const int64_t known = std::ssize(document["model"]["vocab"]);
  const auto entries = gguf_tokenizer_entries(loaded(document), known + 8);
  const auto entry = [&](const std::string& key) -> const GgufValue& {
    return std::ranges::find_if(entries, [&](const auto& e) { return e.first == key; })->second;
  };
  const auto& tokens = *entry("tokenizer.ggml.tokens").strings();
  REQUIRE(std::ssize(tokens) == known + 8);
  CHECK(std::set<std::string>(tokens.begin(), tokens.end()).size() == tokens.size());
  CHECK(tokens.back() == "[PAD" + std::to_string(known + 7) + "]");
  const auto& types =
      std::get<std::vector<int64_t>>(entry("tokenizer.ggml.token_type").array()->items);
  CHECK(types[static_cast<size_t>(known - 1)] == 1);
  CHECK(types.back() == 5);
  CHECK_THROWS_AS(gguf_tokenizer_entries(loaded(document), known - 1), ArgumentError);
}

TEST_CASE("a pre-tokenizer is recognised in other words", "[policy][gguf]") {
  CHECK(pre_of(split_by(kLlama3Pieces)) == "dbrx");
  std::string raw = kLlama3Pieces;
  for (size_t at = raw.find("\\r\\n"); at != std::string::npos; at = raw.find("\\r\\n")) {
    raw.replace(at, 4, "\r\n");
  }
  const json none = {{"type", "Sequence"}, {"normalizers", json::array()}};
  CHECK(pre_of(split_by(raw, "Removed", true), none) == "dbrx");
  CHECK(
      pre_of(split_by(
          R"('(?i:[sdmt]|ll|ve|re)|[^\p{N}\p{L}\r\n]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+)")) ==
      "dbrx");
  CHECK(pre_of({{"type", "ByteLevel"}, {"add_prefix_space", false}}) == "gpt-2");
  CHECK(pre_of(split_by(
            R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)")) ==
        "gpt-2");
  CHECK(
      pre_of({{"type", "Sequence"},
              {"pretokenizers",
               {{{"type", "Split"}, {"pattern", {{"Regex", R"(\p{N})"}}}, {"behavior", "Isolated"}},
                {{"type", "Sequence"},
                 {"pretokenizers", {{{"type", "ByteLevel"}, {"add_prefix_space", false}}}}}}}}) ==
      "smollm");
}

TEST_CASE("export stops where llama.cpp has no name for the pre-tokenizer",
          "[policy][gguf][fault]") {
  for (const json& pre : {split_by(R"(\p{L}+|\s)"), split_by(R"(\p{N}{1,3})", "Removed", true),
                          split_by(kLlama3Pieces, "Removed", false)}) {
    CHECK_THAT(pre_of(pre), Catch::Contains("tokenizer.ggml.pre"));
  }
}

TEST_CASE("the pre-tokenizer default splits text, not the symbols of its bytes", "[policy][gguf]") {
  const std::vector<std::string> words{"αβγδ", "½", "²", " пройдено", "，"};
  GgufTokenizerKeys keys = ByteLevelBpe::from_json(tokenizer_json(words).dump())->gguf_metadata();
  for (const char* pre : {"default", ""}) {
    keys.pre = pre;
    const auto tokenizer = tokenizer_from_gguf(keys);
    for (const std::string& word : words) {
      INFO(word);
      CHECK(tokenizer->encode(word).size() == 1);
    }
    CHECK(tokenizer->encode("x²").size() == 2);
    CHECK(tokenizer->encode("1234").size() == 4);
  }
}

TEST_CASE("a GGUF tokenizer begins texts with bos where llama.cpp does", "[policy][gguf]") {
  GgufTokenizerKeys keys = ByteLevelBpe::from_json(tokenizer_json({}).dump())->gguf_metadata();
  keys.bos_id = 65;
  keys.token_types[65] = 3;
  const auto begins = [&](const char* pre, std::optional<bool> adds) {
    keys.pre = pre;
    keys.add_bos = adds;
    return tokenizer_from_gguf(keys)->with_special({1}).size() == 2;
  };
  CHECK(begins("llama-bpe", std::nullopt));
  CHECK(begins("tekken", std::nullopt));
  CHECK(!begins("llama-bpe", false));
  CHECK(!begins("qwen2", std::nullopt));
  CHECK(begins("qwen2", true));
}

TEST_CASE("GGUF keys that llama.cpp needs are not made up", "[policy][gguf][fault]") {
  CHECK(config_with(llama_entries())["rms_norm_eps"] == Approx(1e-5));
  for (size_t i = 1; i < llama_entries().size(); ++i) {
    GgufEntries entries = llama_entries();
    const std::string key = entries[i].first;
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(i));
    INFO(key);
    CHECK_THROWS_WITH(config_with(entries), Catch::Contains(key));
  }
  const TemporaryFolder folder;
  GgufEntries entries = llama_entries();
  entries.emplace_back("tokenizer.ggml.model", GgufValue::string("gpt2"));
  entries.emplace_back("tokenizer.ggml.tokens", GgufValue::strings({"a", "b"}));
  const std::vector<float> values(24, 1.0F);
  const auto read = [&] {
    write_gguf_file(folder / "a.gguf", entries,
                    {float_tensor(gguf_tensor_name(TensorRole::embedding), {6, 4}, values)},
                    DType::F32);
    load_checkpoint_tokenizer(folder / "a.gguf");
  };
  CHECK_THROWS_WITH(read(), Catch::Contains("tokenizer.ggml.merges is missing"));
}

TEST_CASE("a rope factor without a type is linear, as llama.cpp takes it", "[policy][gguf]") {
  const auto rope_of = [](const GgufEntries& more) {
    GgufEntries entries = llama_entries();
    entries.insert(entries.end(), more.begin(), more.end());
    return config_with(entries)["rope_scaling"];
  };
  const std::pair<std::string, GgufValue> factor{"llama.rope.scaling.factor", GgufValue::f32(4.0F)};
  const std::pair<std::string, GgufValue> old{"llama.rope.scale_linear", GgufValue::f32(2.0F)};
  const auto type = [](const char* name) {
    return std::pair{std::string("llama.rope.scaling.type"), GgufValue::string(name)};
  };
  const json four = {{"rope_type", "linear"}, {"factor", 4.0}};
  CHECK(rope_of({}).is_null());
  CHECK(rope_of({factor}) == four);
  CHECK(rope_of({factor, old}) == four);
  CHECK(rope_of({factor, type("linear")}) == four);
  CHECK(rope_of({old})["factor"] == 2.0);
  CHECK(rope_of({factor, type("none")}).is_null());
  CHECK(rope_of({old, type("yarn")})["rope_type"] == "yarn");
  CHECK_THROWS_WITH(rope_of({factor, type("longrope")}), Catch::Contains("longrope"));
}
