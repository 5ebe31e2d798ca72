#include "rl/stages/text_source.h"

#include <fstream>
#include <numeric>

#include "base/error.h"
#include "rl/stages/conversation_source.h"
#include "tests/catch.h"
#include "tests/support/fixtures.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;
using gradus::tests::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string write(const fs::path& path, const std::vector<std::string>& lines) {
  std::ofstream file(path);
  for (const auto& line : lines) file << line << "\n";
  return path.string();
}

int64_t num_targets(const TextExample& example) {
  return std::accumulate(example.is_target.begin(), example.is_target.end(), int64_t{0});
}

}  // namespace

TEST_CASE("a response is learned with its end, its prompt is not", "[rl][text]") {
  const TemporaryFolder folder;
  const auto loaded = policy::load_tokenizer(tests::fixture("parity/tokenizer_sp_bpe").string());
  rollout::DataConfig data;
  data.path =
      write(folder.path() / "a.jsonl", {R"({"prompt": "two and two", "response": "four"})"});
  const auto source = make_response_source(rollout::make_prompt_source(data, loaded, 128, 1),
                                           loaded, TextConfig{}, 128);
  const TextExample example = source->at(0);
  CHECK(example.tokens.back() == loaded.tokenizer->eos_ids().front());
  const auto response = loaded.tokenizer->encode("four", false);
  CHECK(num_targets(example) == static_cast<int64_t>(response.size()) + 1);
  CHECK(example.is_target.front() == 0);
  CHECK(source->at(7).tokens == example.tokens);

  TextConfig other;
  other.response = "solution";
  const auto missing =
      make_response_source(rollout::make_prompt_source(data, loaded, 128, 1), loaded, other, 128);
  CHECK_THROWS_WITH(missing->at(0), Catch::Matchers::Contains("solution"));
}

TEST_CASE("documents are cut into pieces that hold every token once", "[rl][text]") {
  const TemporaryFolder folder;
  const auto loaded = policy::load_tokenizer(tests::fixture("parity/tokenizer_sp_bpe").string());
  const std::string text = "one two three four five six seven eight nine ten eleven twelve";
  const auto path = write(folder.path() / "a.jsonl", {nlohmann::json{{"text", text}}.dump()});
  TextConfig config;
  config.sequence_length = 5;
  const auto source = make_document_source(path, 0, loaded, config, false, 1);
  std::vector<int32_t> joined;
  for (int64_t i = 0; i < source->size(); ++i) {
    const TextExample piece = source->at(i);
    CHECK(piece.tokens.size() <= 5);
    CHECK(num_targets(piece) == static_cast<int64_t>(piece.tokens.size()) - 1);
    joined.insert(joined.end(), piece.tokens.begin(), piece.tokens.end());
  }
  CHECK(loaded.tokenizer->decode(joined, true).find("eleven") != std::string::npos);
  const auto two = write(folder.path() / "two.jsonl", {R"({"text": "one"})", R"({"text": "two"})"});
  CHECK(make_document_source(two, 0, loaded, config, false, 1)->size() == 2);
  CHECK(make_document_source(two, 1, loaded, config, false, 1)->size() == 1);
  CHECK_THROWS_AS(make_document_source(write(folder.path() / "b.jsonl", {"{\"x\": 1}"}), 0, loaded,
                                       config, true, 1),
                  FileError);
}

TEST_CASE("a chat's last answer is learned, its earlier turns are context", "[rl][text]") {
  const auto loaded = policy::load_tokenizer(tests::fixture("parity/tokenizer_smollm2").string());
  REQUIRE(loaded.chat_template);
  const TemporaryFolder folder;
  rollout::DataConfig data;
  data.path = write(folder.path() / "b.jsonl",
                    {nlohmann::json{{"messages",
                                     {{{"role", "user"}, {"content", "hi"}},
                                      {{"role", "assistant"}, {"content", "hello"}},
                                      {{"role", "user"}, {"content", "2+2?"}},
                                      {{"role", "assistant"}, {"content", "four"}}}}}
                         .dump()});
  CHECK(holds_conversations(data.path));
  const TextExample example = make_conversation_source(data, loaded, 512, 1)->at(0);
  std::vector<int32_t> context;
  std::vector<int32_t> targets;
  for (size_t i = 0; i < example.tokens.size(); ++i)
    (example.is_target[i] != 0 ? targets : context).push_back(example.tokens[i]);
  CHECK(loaded.tokenizer->decode(targets, true) == "four");
  CHECK(targets.back() == loaded.tokenizer->eos_ids().front());
  const std::string before = loaded.tokenizer->decode(context);
  CHECK(before.find("hello") != std::string::npos);
  CHECK(before.find("2+2?") != std::string::npos);
  CHECK(before.find("four") == std::string::npos);
}
