#include "policy/tokenizer/load_tokenizer.h"

#include "base/error.h"
#include "policy/tokenizer/bpe/byte_level_bpe.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_proto.h"
#include "policy/tokenizer/tokenize_cases.h"
#include "tests/policy/tokenizer/fixtures.h"
#include "tests/support/temporary_folder.h"

namespace gradus::policy {
namespace {

using Ids = std::vector<int32_t>;
using nlohmann::json;

json tiny_json() {
  return {
      {"added_tokens", {{{"id", 3}, {"content", "<e>"}, {"special", true}}}},
      {"decoder", {{"type", "ByteLevel"}}},
      {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
      {"model",
       {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"<s>", 2}}}, {"merges", json::array()}}}};
}

std::string refusal(const std::string& dir) {
  try {
    load_tokenizer(dir);
  } catch (const FileError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("SmolLM2's directory loads with its special ids and template", "[policy][tokenizer]") {
  const auto loaded = load_tokenizer(fixtures::path("tokenizer_smollm2"));
  CHECK(loaded.tokenizer->bos_id() == 1);
  CHECK(loaded.tokenizer->eos_ids() == Ids{2});
  CHECK(loaded.tokenizer->pad_id() == 2);
  CHECK(loaded.tokenizer->unk_id() == 0);
  REQUIRE(loaded.chat_template);
  const std::string text = loaded.chat_template->render({{{"role", "user"}, {"content", "Hi"}}},
                                                        nullptr, true, loaded.variables);
  CHECK(text ==
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging "
        "Face<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  CHECK(loaded.tokenizer->encode(text).front() == 1);
  CHECK(loaded.variables["eos_token"] == "<|im_end|>");
  const auto files = loaded.tokenizer->source_files();
  REQUIRE(files.size() == 2);
  CHECK(files[0].name == "tokenizer.json");
  CHECK(files[1].name == "tokenizer_config.json");
}

TEST_CASE("a tokenizer from GGUF is written with its template", "[policy][tokenizer]") {
  GgufTokenizerKeys keys = ByteLevelBpe::from_json(tiny_json().dump())->gguf_metadata();
  keys.chat_template = "{{ messages[0].content }}";
  const auto loaded = load_tokenizer(keys, "x.gguf");
  const tests::TemporaryFolder dir;
  for (const auto& file : loaded.tokenizer->source_files()) dir.write(file.name, file.contents);
  const auto again = load_tokenizer(dir.path());
  CHECK(again.tokenizer->encode("ab<e>") == loaded.tokenizer->encode("ab<e>"));
  CHECK(again.chat_template->text() == keys.chat_template);
  keys.chat_template = "{{";
  CHECK_THROWS_WITH(load_tokenizer(keys, "x.gguf"), Catch::StartsWith("x.gguf: chat template"));
}

TEST_CASE("special tokens come from all the files that name them", "[policy][tokenizer]") {
  const tests::TemporaryFolder dir;
  dir.write("tokenizer.json", tiny_json().dump());
  dir.write("tokenizer_config.json",
            R"({"bos_token": {"content": "<s>"}, "add_bos_token": true, "chat_template":
                [{"name": "default", "template": "D"}, {"name": "tool_use", "template": "T"}]})");
  dir.write("special_tokens_map.json", R"({"eos_token": "<e>"})");
  dir.write("generation_config.json", R"({"eos_token_id": [3, 1], "pad_token_id": -1})");
  auto loaded = load_tokenizer(dir.path());
  CHECK(loaded.tokenizer->bos_id() == 2);
  CHECK(loaded.tokenizer->eos_ids() == Ids{3, 1});
  CHECK(!loaded.tokenizer->pad_id());
  CHECK(loaded.tokenizer->is_special(2));
  CHECK(loaded.tokenizer->encode("a<s>b") == Ids{0, 2, 1});
  CHECK(loaded.tokenizer->with_special({0}) == Ids{2, 0});
  CHECK(loaded.chat_template->text() == "D");
  dir.write("chat_template.jinja", "{{ bos_token }}J");
  loaded = load_tokenizer(dir.path());
  CHECK(loaded.chat_template->render(json::array(), nullptr, false, loaded.variables) == "<s>J");
}

TEST_CASE("what is wrong in a directory is named by file and key", "[policy][tokenizer]") {
  const tests::TemporaryFolder dir;
  CHECK_THAT(refusal(dir.path()), Catch::Contains("neither tokenizer.json nor tokenizer.model"));
  CHECK_THAT(refusal(dir / "nowhere"), Catch::Contains("is not a directory"));
  dir.write("tokenizer.model", "");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("tokenizer.model: is empty"));
  dir.write("tokenizer.json", "{");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("tokenizer.json: is not valid JSON"));
  dir.write("tokenizer.json", tiny_json().dump());
  CHECK(refusal(dir.path()) == "accepted");
  dir.write("generation_config.json", R"({"eos_token_id": 4})");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("generation_config.json: eos_token_id: 4"));
  dir.write("generation_config.json", R"({"eos_token_id": "x"})");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("eos_token_id: must be a token id"));
  dir.write("generation_config.json", "{}");
  dir.write("tokenizer_config.json", R"({"eos_token": "<nope>"})");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("tokenizer_config.json: eos_token: \"<nope>\""));
  dir.write("tokenizer_config.json", R"({"eos_token": 7})");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("eos_token: must be a string"));
  dir.write("tokenizer_config.json", R"({"chat_template": "{% include 'x' %}"})");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("tokenizer_config.json: chat_template: chat"));
  dir.write("tokenizer_config.json", R"({"chat_template": 3})");
  CHECK_THAT(refusal(dir.path()), Catch::Contains("chat_template: must be a string or a list"));
}

TEST_CASE("added_tokens.json extends a SentencePiece model", "[policy][tokenizer]") {
  const tests::TemporaryFolder dir;
  dir.write("tokenizer.model", fixtures::read(fixtures::path("tokenizer_sp_bpe/tokenizer.model")));
  dir.write("added_tokens.json", R"({"<|im_start|>": 800, "<|im_end|>": 801})");
  dir.write("tokenizer_config.json", R"({"bos_token": "<s>", "eos_token": "<|im_end|>"})");
  const auto loaded = load_tokenizer(dir.path());
  CHECK(loaded.tokenizer->vocab_size() == 802);
  CHECK(loaded.tokenizer->eos_ids() == Ids{801});
  CHECK(loaded.tokenizer->encode("<|im_end|><s>") == Ids{801, 1});
  CHECK(loaded.tokenizer->is_special(801));
  CHECK_FALSE(loaded.tokenizer->is_special(800));
  CHECK(loaded.tokenizer->encode("<|im_end|>", false).size() > 1);
  dir.write("added_tokens.json", R"({"<|im_end|>": 5})");
  CHECK(refusal(dir.path()) != "accepted");
}

TEST_CASE("cases are tokenised line by line, lone surrogates included", "[policy][tokenizer]") {
  const tests::TemporaryFolder dir;
  dir.write("in.jsonl",
            "\xEF\xBB\xBF{\"id\": 7, \"text\": \"ab<e>\", \"ids\": [9]}\r\n\n"
            "{\"text\": \"a\\ud800b\\\\ud83d \\ud83d\\ude00\"}");
  const auto tokenizer = ByteLevelBpe::from_json(tiny_json().dump());
  CHECK(tokenize_cases(*tokenizer, dir / "in.jsonl", dir / "out.jsonl") == 2);
  CHECK(fixtures::read(dir / "out.jsonl") ==
        "{\"id\":7,\"text\":\"ab<e>\",\"ids\":[0,1,3],\"decoded\":\"ab<e>\"}\n"
        "{\"text\":\"a\uFFFDb\\\\ud83d \U0001F600\",\"ids\":[0,1],\"decoded\":\"ab\"}\n");
  dir.write("in.jsonl", "{\"text\": 3}");
  CHECK_THROWS_WITH(tokenize_cases(*tokenizer, dir / "in.jsonl", dir / "out.jsonl"),
                    Catch::Contains("line 1 must be an object"));
  CHECK_THROWS_AS(tokenize_cases(*tokenizer, dir / "none", dir / "out.jsonl"), FileError);
}

}  // namespace
}  // namespace gradus::policy
