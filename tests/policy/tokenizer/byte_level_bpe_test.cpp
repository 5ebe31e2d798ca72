#include "policy/tokenizer/bpe/byte_level_bpe.h"

#include <chrono>
#include <thread>

#include "base/error.h"
#include "policy/tokenizer/bpe/byte_alphabet.h"
#include "policy/tokenizer/gguf/gguf_tokenizer.h"
#include "policy/tokenizer/regex.h"
#include "tests/policy/tokenizer/fixtures.h"
#include "tests/support/patience.h"

namespace gradus::policy {
namespace {

using nlohmann::json;

// All bytes, "he", "llo" parts and three added tokens: the smallest vocabulary that shows merges.
json small_document() {
  json vocab = json::object();
  for (int b = 0; b < 256; ++b) vocab[to_byte_symbols(std::string(1, static_cast<char>(b)))] = b;
  vocab["he"] = 256;
  vocab["ll"] = 257;
  vocab["hell"] = 258;
  vocab["hello"] = 259;
  const json merges = json::parse(R"([["h","e"],["l","l"],["he","ll"],["hell","o"]])");
  const auto added = [](int id, const char* text, bool special) {
    return json{{"id", id}, {"content", text}, {"special", special}, {"normalized", false}};
  };
  return {
      {"added_tokens",
       {added(260, "<|end|>", true), added(261, "<think>", false), added(262, "<|end|>x", true)}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", merges}}}};
}

std::string refusal(const json& document) {
  try {
    ByteLevelBpe::from_json(document.dump());
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

using Ids = std::vector<int32_t>;

TEST_CASE("special strings in user text can be kept as text", "[policy][tokenizer]") {
  const auto t = ByteLevelBpe::from_json(small_document().dump());
  CHECK(t->encode("hello<|end|>x<think>", true) == Ids{259, 262, 261});
  const Ids plain = t->encode("a<|end|><think>", false);
  CHECK(plain.size() == 9);
  CHECK(plain.back() == 261);
  CHECK(t->decode(plain, true) == "a<|end|><think>");
  CHECK(t->decode(Ids{259, 260, 261}, false) == "hello<|end|><think>");
  CHECK(t->decode(Ids{259, 260, 261}, true) == "hello<think>");
}

TEST_CASE("ill-formed UTF-8 is tokenised by its bytes and decoded as U+FFFD",
          "[policy][tokenizer]") {
  const auto t = ByteLevelBpe::from_json(small_document().dump());
  CHECK(t->encode("\xFF", true) == Ids{0xFF});
  CHECK(t->encode("hello\xE2\x96hello", true) == Ids{259, 0xE2, 0x96, 259});
  CHECK(t->encode(std::string("\0a\xED\xA0\x80", 5), true) == Ids{0, 'a', 0xED, 0xA0, 0x80});
  CHECK(t->decode(t->encode("a\xE2\x96g\xFF", true), false) == "a\uFFFDg\uFFFD");
  CHECK(t->decode(Ids{'a', -1, 5000, 'b'}, false) == "ab");
}

TEST_CASE("a stream never cuts a character and joins to the whole text", "[policy][tokenizer]") {
  const auto t = ByteLevelBpe::from_json(small_document().dump());
  const std::string text = "h\u00e9 \U0001F468\u200D\U0001F469 \u0915\u094d !";
  StreamDecoder stream(*t);
  std::string joined;
  for (const int32_t id : t->encode(text, true)) {
    const std::string piece = stream.push(id);
    CHECK(piece.find("\uFFFD") == std::string::npos);
    joined += piece;
  }
  CHECK(joined == text);
  CHECK(stream.push(0xF0).empty());
  CHECK(stream.push(0x9F).empty());
  CHECK(stream.push('x') == "\uFFFDx");
  CHECK(stream.push(0xE2).empty());
  CHECK(stream.finish() == "\uFFFD");
  CHECK(StreamDecoder(*t, true).push(260).empty());
}

TEST_CASE("a megabyte without spaces takes about as long as one with", "[policy][tokenizer]") {
  const auto t = ByteLevelBpe::from_json(small_document().dump());
  const auto seconds = [&](const std::string& text) {
    const auto start = std::chrono::steady_clock::now();
    const Ids ids = t->encode(text, true);
    CHECK(t->decode(ids, false) == text);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::string hellos;
  while (hellos.size() < (1 << 20)) hellos += "hello";
  CHECK(seconds(hellos) < 10);
  CHECK(seconds(std::string(1 << 20, ' ')) < 10);
  CHECK(seconds(std::string(1 << 20, 'l')) < 10);
  std::string marks = "a";
  while (marks.size() < (1 << 20)) marks += "\u0301\u0323";
  json nfc = small_document();
  nfc["normalizer"] = {{"type", "NFC"}};
  const auto start = std::chrono::steady_clock::now();
  CHECK(!ByteLevelBpe::from_json(nfc.dump())->encode(marks, true).empty());
  CHECK(std::chrono::steady_clock::now() - start < gradus::tests::patience(10));
}

TEST_CASE("many threads get the same ids", "[policy][tokenizer]") {
  const auto t = ByteLevelBpe::from_json(small_document().dump());
  const std::string text = "hello he llo 123 h\u00e9llo <|end|> hello";
  const Ids expected = t->encode(text, true);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 200; ++k) wrong += t->encode(text, true) != expected;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("a component that is not supported is refused by name and place", "[policy][tokenizer]") {
  json d = small_document();
  d["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {{{"type", "UnicodeScripts"}}}}};
  CHECK_THAT(refusal(d),
             Catch::Contains("pre_tokenizer.pretokenizers[0]: type \"UnicodeScripts\""));
  d = small_document();
  d["normalizer"] = {{"type", "Precompiled"}};
  CHECK_THAT(refusal(d), Catch::Contains("normalizer: type \"Precompiled\""));
  d = small_document();
  d["decoder"] = {{"type", "CTC"}};
  CHECK_THAT(refusal(d), Catch::Contains("decoder: type \"CTC\""));
  d = small_document();
  d["model"]["type"] = "Unigram";
  CHECK_THAT(refusal(d), Catch::Contains("model: type \"Unigram\""));
  d = small_document();
  d["model"]["end_of_word_suffix"] = "</w>";
  CHECK_THAT(refusal(d), Catch::Contains("end_of_word_suffix"));
  d = small_document();
  d["model"]["merges"].push_back(json::array({"q", "zz"}));
  CHECK_THAT(refusal(d), Catch::Contains("model.merges[4]: \"zz\" is not in the vocabulary"));
  d = small_document();
  d["model"]["vocab"]["he"] = 0;
  CHECK_THAT(refusal(d), Catch::Contains("model.vocab: id 0"));
  d = small_document();
  d["model"]["vocab"]["he"] = 2000000000;
  CHECK(refusal(d) != "accepted");
  d = small_document();
  d["pre_tokenizer"] = {
      {"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}};
  CHECK_THAT(refusal(d), Catch::Contains("pre_tokenizer: pattern: regex '(a'"));
  json nested = {{"type", "ByteLevel"}};
  for (int i = 0; i < 1000; ++i) {
    nested = {{"type", "Sequence"}, {"pretokenizers", json::array({std::move(nested)})}};
  }
  d["pre_tokenizer"] = nested;
  CHECK_THAT(refusal(d), Catch::Contains("nested too deeply"));
}

TEST_CASE("a pattern that backtracks without end is stopped", "[policy][tokenizer]") {
  json d = small_document();
  d["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", "(a|aa|a)+[bc]"}}}, {"behavior", "Isolated"}},
        {{"type", "ByteLevel"}}}}};
  const auto t = ByteLevelBpe::from_json(d.dump());
  CHECK_THROWS_AS(t->encode(std::string(5000, 'a'), true), Error);
}

TEST_CASE("a pattern just under the match limit is stopped by the text's budget",
          "[policy][tokenizer]") {
  json d = small_document();
  d["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", "(a|aa|a)+[bc]"}}}, {"behavior", "Isolated"}},
        {{"type", "ByteLevel"}}}}};
  const auto t = ByteLevelBpe::from_json(d.dump());
  // Each run alone stays within one match's limit.
  std::string text;
  for (int i = 0; i < 4000; ++i) text += std::string(15, 'a') + "d";
  const auto start = std::chrono::steady_clock::now();
  try {
    t->encode(text, true);
  } catch (const Error&) {
  }
  CHECK(std::chrono::steady_clock::now() - start < gradus::tests::patience(20));
}

TEST_CASE("normalizers that make a text longer without end are refused", "[policy][tokenizer]") {
  json d = small_document();
  json parts = json::array();
  for (int i = 0; i < 40; ++i) {
    parts.push_back({{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aaaa"}});
  }
  d["normalizer"] = {{"type", "Sequence"}, {"normalizers", parts}};
  const auto t = ByteLevelBpe::from_json(d.dump());
  CHECK_THROWS_WITH(t->encode("banana", true), Catch::Contains("times as long"));
  CHECK(t->encode("hello", true) == Ids{259});
}

TEST_CASE("an added token behind a hole has the next id, as in the reference",
          "[policy][tokenizer]") {
  json d = small_document();
  const auto size = static_cast<int32_t>(d["model"]["vocab"].size());
  d["added_tokens"] = json::array({json{{"id", size + 5}, {"content", "<x>"}, {"special", true}}});
  CHECK(ByteLevelBpe::from_json(d.dump())->encode("hello<x>", true) == Ids{259, size});
}

TEST_CASE("a word of Oniguruma has digits above the line, in no class", "[policy][tokenizer]") {
  const auto count = [](const char* pattern, const char* text) {
    return Regex(pattern).find_all(text).size();
  };
  CHECK(count("\\w+", "x\u00b2") == 1);
  CHECK(count("\\w+", "x\u00bd\u00b9y") == 1);
  CHECK(count("[\\w]+", "x\u00b2y") == 2);
  CHECK(count("\\W", "\u00b2") == 0);
  CHECK(count("[[:punct:]]", "\u00a9+,") == 3);
}

TEST_CASE("merges may be strings or pairs, and ignore_merges takes whole words",
          "[policy][tokenizer]") {
  json d = small_document();
  d["model"]["merges"] = {"h e", "l l", "he ll", "hell o"};
  CHECK(ByteLevelBpe::from_json(d.dump())->encode("hello", true) == Ids{259});
  d["model"]["merges"] = json::array();
  CHECK(ByteLevelBpe::from_json(d.dump())->encode("hello", true).size() == 5);
  d["model"]["ignore_merges"] = true;
  CHECK(ByteLevelBpe::from_json(d.dump())->encode("hello", true) == Ids{259});
}

TEST_CASE("the post-processor adds bos only where a document is wanted", "[policy][tokenizer]") {
  json d = small_document();
  d["post_processor"] = {
      {"type", "TemplateProcessing"},
      {"single", {{{"SpecialToken", {{"id", "<|end|>"}}}}, {{"Sequence", {{"id", "A"}}}}}},
      {"special_tokens", {{"<|end|>", {{"id", "<|end|>"}, {"ids", {260}}}}}}};
  const auto t = ByteLevelBpe::from_json(d.dump());
  CHECK(t->encode("hello", true) == Ids{259});
  CHECK(t->with_special(t->encode("hello", true)) == Ids{260, 259});
  const auto again = tokenizer_from_gguf([&] {
    t->set_special_ids({260, {260}, {}, {}});
    return t->gguf_metadata();
  }());
  CHECK(again->with_special(Ids{259}) == Ids{260, 259});
  CHECK(again->eos_ids() == Ids{260});
}

TEST_CASE("every named pre-tokenizer of GGUF builds, and unknown ones are named",
          "[policy][tokenizer]") {
  GgufTokenizerKeys keys = ByteLevelBpe::from_json(small_document().dump())->gguf_metadata();
  CHECK(keys.pre == "gpt-2");
  for (const char* pre : {"", "default", "smollm", "qwen2", "deepseek-v3", "deepseek-r1-qwen",
                          "llama-bpe", "gpt-2", "tekken", "gpt-4o", "deepseek-coder", "falcon"}) {
    keys.pre = pre;
    const auto t = tokenizer_from_gguf(keys);
    CHECK(t->decode(t->encode("hello 1234 \u4e16\u754c", true), false) ==
          "hello 1234 \u4e16\u754c");
    CHECK(tokenizer_from_gguf(t->gguf_metadata())->encode("hello 1 a", true) ==
          t->encode("hello 1 a", true));
  }
  keys.pre = "mystery";
  CHECK_THROWS_WITH(tokenizer_from_gguf(keys), Catch::Contains("\"mystery\" is not known"));
  keys.pre = "gpt-2";
  keys.model = "bert";
  CHECK_THROWS_WITH(tokenizer_from_gguf(keys), Catch::Contains("\"bert\" is not supported"));
  keys.model = "gpt2";
  keys.eos_id = 100000;
  CHECK_THROWS_WITH(tokenizer_from_gguf(keys), Catch::Contains("eos_token_id"));
}

}  // namespace
}  // namespace gradus::policy
