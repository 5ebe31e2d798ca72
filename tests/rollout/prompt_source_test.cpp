#include "rollout/prompts/prompt_source.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "base/error.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "rollout/prompts/file_prompts.h"
#include "rollout/prompts/generated_prompts.h"
#include "tests/catch.h"
#include "tests/rollout/fake_tokenizer.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::rollout;
using gradus::rollout::testing::PieceTokenizer;

namespace {

struct TextFile {
  explicit TextFile(const std::string& text) {
    static int number = 0;
    path = std::filesystem::temp_directory_path() / ("gradus_prompts_" + std::to_string(getpid()) +
                                                     "_" + std::to_string(number++) + ".jsonl");
    std::ofstream(path, std::ios::binary) << text;
  }
  ~TextFile() { std::filesystem::remove(path); }
  std::filesystem::path path;
};

const PieceTokenizer& letters() {
  static const PieceTokenizer tokenizer(PieceTokenizer::letters());
  return tokenizer;
}

PromptRenderer plain(int64_t most_tokens = 100) {
  return {letters(), {}, {}, most_tokens};
}

DataConfig file_config(const TextFile& file) {
  DataConfig config;
  config.path = file.path.string();
  config.shuffle = false;
  return config;
}

}  // namespace

TEST_CASE("rows become prompts with stable names and all their columns", "[rollout][data]") {
  const TextFile file(
      "\xEF\xBB\xBF{\"question\":\"abc\",\"answer\":\"7\"}\r\n\n{\"prompt\":\"de\",\"k\":[1]}");
  const auto prompts = make_file_prompts(file_config(file), plain(), 1);
  REQUIRE(prompts->size() == 2);
  const auto first = prompts->at(0);
  CHECK(first.id == file.path.filename().string() + ":1");
  CHECK(first.text == "abc");
  CHECK(first.tokens == std::vector<int32_t>{0, 1, 2});
  CHECK(first.row["answer"] == "7");
  CHECK(first.messages.is_null());
  CHECK(prompts->at(1).id == file.path.filename().string() + ":3");
  CHECK(prompts->at(2).text == "abc");
}

TEST_CASE("offset and count cut a part out of a file", "[rollout][data]") {
  const TextFile file(
      "{\"question\":\"a\"}\n{\"question\":\"b\"}\n{\"question\":\"c\"}\n{\"question\":\"c\"}\n");
  auto config = file_config(file);
  CHECK(make_file_prompts(config, plain(), 1)->num_duplicates() == 1);
  config.offset = 1;
  config.count = 2;
  const auto prompts = make_file_prompts(config, plain(), 1);
  REQUIRE(prompts->size() == 2);
  CHECK(prompts->at(0).text == "b");
  config.offset = 9;
  CHECK_THROWS_WITH(make_file_prompts(config, plain(), 1), Catch::Contains("only 4 rows"));
}

TEST_CASE("bad rows refuse the file, at most twenty are shown, all are counted",
          "[rollout][data]") {
  std::string text = "{\"question\":\"a\"}\nnot json\n[1]\n";
  for (int i = 0; i < 30; ++i) text += "{\"messages\":[]}\n";
  const TextFile file(text);
  try {
    make_file_prompts(file_config(file), plain(), 1);
    FAIL("bad rows were accepted");
  } catch (const FileError& error) {
    const std::string what = error.what();
    CHECK(error.kind() == "invalid_training_file");
    CHECK_THAT(what, Catch::Contains("32 rows"));
    CHECK_THAT(what, Catch::Contains(":2") && Catch::Contains(":3: the row is not an object"));
    CHECK_THAT(what, Catch::Contains("and 12 more"));
    CHECK(std::count(what.begin(), what.end(), '\n') == 21);
  }
}

TEST_CASE("a file without rows is refused", "[rollout][data]") {
  const TextFile file(GENERATE("", "\n\n  \n"));
  CHECK_THROWS_WITH(make_file_prompts(file_config(file), plain(), 1), Catch::Contains("no rows"));
}

TEST_CASE("long prompts are left out with their reason; only long ones are an error",
          "[rollout][data]") {
  const TextFile file("{\"question\":\"abcdef\"}\n{\"question\":\"abc\"}\n");
  const auto prompts = make_file_prompts(file_config(file), plain(4), 1);
  CHECK(prompts->size() == 1);
  REQUIRE(prompts->skipped().size() == 1);
  CHECK_THAT(prompts->skipped()[0], Catch::Contains(":1: prompt has 6 tokens, the most is 4"));
  CHECK_THROWS_WITH(make_file_prompts(file_config(file), plain(2), 1),
                    Catch::Contains("all 2 prompts"));
}

TEST_CASE("chats go through the chat template, whose refusal names the row", "[rollout][data]") {
  const TextFile file("{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}\n");
  RowRules rules;
  rules.as_chat = true;
  const auto render = [](const ChatRow& chat) {
    return "u:" + chat.messages[0]["content"].get<std::string>() + " a:";
  };
  const auto prompts = make_file_prompts(file_config(file), {letters(), rules, render, 100}, 1);
  CHECK(prompts->at(0).text == "u:hi a:");
  CHECK(prompts->at(0).messages.size() == 1);
  const auto refuse = [](const ChatRow&) -> std::string { throw ArgumentError("no such role"); };
  CHECK_THROWS_WITH(
      make_file_prompts(file_config(file), {letters(), rules, refuse, 100}, 1),
      Catch::Contains(":1: the chat template refuses") && Catch::Contains("no such role"));
}

TEST_CASE("generated prompts are numbered from the offset, in order or shuffled",
          "[rollout][data]") {
  DataConfig config;
  config.task = "arithmetic";
  config.offset = 100;
  const auto endless = make_generated_prompts(config, plain(), 4);
  CHECK(endless->size() == 0);
  CHECK(endless->at(12345).id == "arithmetic:12445");
  CHECK(endless->at(3).row == make_generated_prompts(config, plain(), 4)->at(3).row);
  config.count = 10;
  const auto ten = make_generated_prompts(config, plain(), 4);
  std::set<std::string> ids;
  for (int64_t i = 0; i < 10; ++i) ids.insert(ten->at(i).id);
  CHECK(ids.size() == 10);
  CHECK(*ids.begin() == "arithmetic:100");
}

TEST_CASE("a generated task's mistakes are found at once", "[rollout][data]") {
  DataConfig config;
  config.task = "arithmetic";
  CHECK_THROWS_AS(make_generated_prompts(config, plain(2), 4), ConfigError);
  config.options = {{"digits", "many"}};
  CHECK_THROWS_AS(make_generated_prompts(config, plain(), 4), ConfigError);
}

TEST_CASE("GSM8K's file gives prompts of a real tokenizer, with and without a chat template",
          "[rollout][data]") {
  auto tokenizer = policy::load_tokenizer(tests::fixture("parity/tokenizer_smollm2").string());
  DataConfig config;
  config.path = tests::fixture("data/gsm8k_test.jsonl.gz").string();
  config.count = 200;
  config.shuffle = false;
  config.chat = false;
  config.template_text = "Question: {question}\nAnswer:";
  const auto plain_prompts = make_prompt_source(config, tokenizer, 512, 1);
  REQUIRE(plain_prompts->size() == 200);
  const auto first = plain_prompts->at(0);
  CHECK(first.id == "gsm8k_test.jsonl.gz:1");
  CHECK(first.text.starts_with("Question: Janet\u2019s ducks"));
  CHECK(tokenizer.tokenizer->decode(first.tokens) == first.text);
  CHECK_THAT(first.row["answer"].get<std::string>(), Catch::EndsWith("#### 18"));

  config.system = "Be brief.";
  CHECK_THROWS_WITH(make_prompt_source(config, tokenizer, 512, 1), Catch::Contains("data.system"));
  config.chat = true;
  tokenizer.chat_template = policy::ChatTemplate::parse(
      "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
      "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}");
  const auto chat = make_prompt_source(config, tokenizer, 512, 1)->at(0);
  CHECK(chat.text.starts_with(
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nQuestion: "));
  CHECK(chat.text.ends_with("<|im_start|>assistant\n"));
  CHECK(chat.messages.size() == 2);
  CHECK(tokenizer.tokenizer->is_special(chat.tokens.front()));
}

TEST_CASE("a prompt source needs a file or a task, not both", "[rollout][data]") {
  const policy::LoadedTokenizer tokenizer{
      std::make_unique<PieceTokenizer>(PieceTokenizer::letters()), std::nullopt, {}};
  DataConfig config;
  CHECK_THROWS_AS(make_prompt_source(config, tokenizer, 100, 1), ConfigError);
  config.task = "chain_sum";
  CHECK(make_prompt_source(config, tokenizer, 100, 1)->at(5).row["task"] == "chain_sum");
  config.path = "rows.jsonl";
  CHECK_THROWS_AS(make_prompt_source(config, tokenizer, 100, 1), ConfigError);
}

TEST_CASE("a chat template of one's own renders the rows, tools and options with it",
          "[rollout][data]") {
  const policy::LoadedTokenizer tokenizer{
      std::make_unique<PieceTokenizer>(PieceTokenizer::letters()), std::nullopt, {}};
  const TextFile file(
      R"({"messages":[{"role":"user","content":"hi"}],"tools":[{"z":123456789012345678901234567890,"a":2}],"chat_template_kwargs":{"mode":"x"}})"
      "\n"
      R"({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"so "}],"answer":1})"
      "\n");
  DataConfig config = file_config(file);
  config.chat_template =
      "{% for m in messages %}{{ m.role[0] }}{{ m.content }};{% endfor %}"
      "{% if tools %}{{ tools | tojson }}{% endif %}{{ mode }}"
      "{% if add_generation_prompt %}a{% endif %}";
  const auto prompts = make_prompt_source(config, tokenizer, 500, 1);
  CHECK(prompts->at(0).text == "uhi;[{\"z\": 123456789012345678901234567890, \"a\": 2}]xa");
  CHECK(prompts->at(1).text == "uhi;aso ");
  const TextFile own(config.chat_template);
  config.chat_template = own.path.string();
  CHECK(make_prompt_source(config, tokenizer, 500, 1)->at(1).text == "uhi;aso ");
  config.chat_template = "no/such/file.jinja";
  CHECK_THROWS_WITH(make_prompt_source(config, tokenizer, 500, 1),
                    Catch::Contains("data.chat_template"));
}

TEST_CASE("files that are not JSONL are refused in one line that says how to convert them",
          "[rollout][data]") {
  const std::pair<std::string, const char*> files[] = {
      {"[\n  {\"question\": \"q\"}\n]\n", "jq -c '.[]'"},
      {"{\n  \"data\": []\n}\n", "several lines"},
      {"question,answer\n\"a, b\",4\n", "CSV"},
      {"question\tanswer\na\t4\n", "read_table"},
      {std::string("PAR1\x15\0\x15", 7), "Parquet"},
      {std::string("ARROW1\0\0", 8), "Arrow"},
      {"\xFF\xFE{\"", "UTF-16"},
      {"\x28\xB5\x2F\xFD...", "zstd"},
      {"SQLite format 3", "SQLite"}};
  for (const auto& [bytes, wanted] : files) {
    const TextFile file(bytes);
    CAPTURE(wanted);
    try {
      make_file_prompts(file_config(file), plain(), 1);
      FAIL("accepted");
    } catch (const FileError& error) {
      const std::string what = error.what();
      CHECK_THAT(what, Catch::Contains(wanted));
      CHECK(what.find('\n') == std::string::npos);
    }
  }
  const auto folder =
      std::filesystem::temp_directory_path() / ("gradus_dataset_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "data-00000-of-00001.arrow") << "x";
  DataConfig config;
  config.path = folder.string();
  CHECK_THROWS_WITH(make_file_prompts(config, plain(), 1), Catch::Contains("load_from_disk"));
  std::filesystem::remove_all(folder);
}

TEST_CASE("a file of millions of rows is refused unless a count is given", "[rollout][data]") {
  std::string text;
  text.reserve(size_t{2'000'001} * 16);
  for (int i = 0; i < 2'000'001; ++i) text += "{\"prompt\":\"a\"}\n";
  const TextFile file(text);
  CHECK_THROWS_WITH(make_file_prompts(file_config(file), plain(), 1),
                    Catch::Contains("2,000,000 rows") && Catch::Contains("data.count"));
  DataConfig config = file_config(file);
  config.count = 3;
  CHECK(make_file_prompts(config, plain(), 1)->size() == 3);
}
