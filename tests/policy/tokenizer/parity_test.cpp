#include "policy/tokenizer/bpe/byte_level_bpe.h"
#include "policy/tokenizer/gguf/gguf_tokenizer.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_model.h"
#include "tests/policy/tokenizer/fixtures.h"

namespace gradus::policy {
namespace {

/// SmolLM2's tokenizer with the vocabulary that was cut, and whole where it is there.
std::string smollm2() {
  const auto folders = fixtures::folders("tokenizer_smollm2");
  return GENERATE_COPY(from_range(folders));
}

TEST_CASE("SmolLM2's tokenizer.json gives the reference's ids and texts", "[policy][tokenizer]") {
  const std::string folder = smollm2();
  const auto tokenizer = ByteLevelBpe::from_json(fixtures::read(folder + "/tokenizer.json"));
  fixtures::check_cases(*tokenizer, folder + "/cases.jsonl");
  fixtures::check_cases(*tokenizer, folder + "/edges.jsonl");
}

TEST_CASE("SmolLM2 from GGUF keys gives the same ids and texts", "[policy][tokenizer]") {
  const std::string folder = smollm2();
  const auto source = ByteLevelBpe::from_json(fixtures::read(folder + "/tokenizer.json"));
  const GgufTokenizerKeys keys = source->gguf_metadata();
  CHECK(keys.model == "gpt2");
  CHECK(keys.pre == "smollm");
  CHECK(keys.huggingface_json.empty());
  const auto tokenizer = tokenizer_from_gguf(keys);
  CHECK(tokenizer->vocab_size() == source->vocab_size());
  fixtures::check_cases(*tokenizer, folder + "/cases.jsonl");
  fixtures::check_cases(*tokenizer, folder + "/edges.jsonl");
}

TEST_CASE("a tokenizer from GGUF is written as a tokenizer.json with the same ids",
          "[policy][tokenizer]") {
  const std::string folder = smollm2();
  const auto source = ByteLevelBpe::from_json(fixtures::read(folder + "/tokenizer.json"));
  const auto files = tokenizer_from_gguf(source->gguf_metadata())->source_files();
  REQUIRE(files.size() == 2);
  CHECK(files[0].name == "tokenizer.json");
  const auto again = ByteLevelBpe::from_json(files[0].contents);
  fixtures::check_cases(*again, folder + "/edges.jsonl");
}

TEST_CASE("SentencePiece models give the library's ids and texts", "[policy][tokenizer]") {
  for (const std::string name :
       {"tokenizer_sp_bpe", "tokenizer_sp_unigram", "tokenizer_sp_unigram_bytes"}) {
    for (const std::string& folder : fixtures::folders(name)) {
      CAPTURE(folder);
      const auto bytes = fixtures::read(folder + "/tokenizer.model");
      const SentencePieceModel model(SentencePieceProto::parse(bytes));
      fixtures::check_cases(model, folder + "/cases.jsonl");

      const auto from_keys = tokenizer_from_gguf(model.gguf_metadata());
      for (const auto& c : fixtures::cases(folder + "/cases.jsonl")) {
        if (c.text.find("<s>") != std::string::npos) continue;  // control tokens are found here
        CAPTURE(c.text);
        CHECK(from_keys->encode(c.text) == c.ids);
        CHECK(from_keys->decode(c.ids) == c.decoded);
      }
    }
  }
}

TEST_CASE("a BPE model from GGUF is written as a tokenizer.json with the same ids",
          "[policy][tokenizer]") {
  const std::string name = "tokenizer_sp_bpe";
  const auto bytes = fixtures::read(fixtures::path(name + "/tokenizer.model"));
  const SentencePieceModel model(SentencePieceProto::parse(bytes));
  const auto files = tokenizer_from_gguf(model.gguf_metadata())->source_files();
  REQUIRE(files.size() == 3);
  REQUIRE(files[0].name == "tokenizer.json");
  const auto json = ByteLevelBpe::from_json(files[0].contents);
  const SentencePieceModel again(SentencePieceProto::parse(files[1].contents));
  fixtures::check_cases(again, fixtures::path(name + "/cases.jsonl"));
  for (const auto& c : fixtures::cases(fixtures::path(name + "/cases.jsonl"))) {
    if (c.text.find("<s>") != std::string::npos) continue;
    CAPTURE(c.text);
    CHECK(json->encode(c.text, true) == c.ids);
    CHECK(json->decode(c.ids, false) == c.decoded);
  }
  // And through llama.cpp's keys once more.
  const auto keys = json->gguf_metadata();
  CHECK(keys.model == "llama");
  CHECK(tokenizer_from_gguf(keys)->encode("hello  world 12") ==
        model.encode("hello  world 12", true));
}

}  // namespace
}  // namespace gradus::policy
