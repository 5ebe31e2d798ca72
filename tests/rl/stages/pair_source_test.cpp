#include "rl/stages/pairs/pair_source.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "policy/checkpoint_tokenizer.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

constexpr const char* kPlainTemplate = "{% for m in messages %}{{ m['content'] }}{% endfor %}";

/// The bundled base's tokenizer: digits, signs and a few words, one token each.
policy::LoadedTokenizer nano_tokenizer() {
  return policy::load_checkpoint_tokenizer(std::string(GRADUS_SOURCE_DIR) + "/examples/nano/base");
}

PairSource pairs_of(const policy::LoadedTokenizer& tokenizer, const std::string& lines,
                    const std::string& chat_template = "", int max_context = 64) {
  const tests::TemporaryFolder folder;
  const std::string path = folder / "pairs.jsonl";
  write_file_atomically(path, lines);
  rollout::DataConfig data;
  data.path = path;
  data.chat = !chat_template.empty();
  data.chat_template = chat_template;
  data.shuffle = false;
  return {data, tokenizer, max_context, 1};
}

}  // namespace

TEST_CASE("a pair is a prompt and two answers that end with the end token", "[rl][pairs]") {
  const auto tokenizer = nano_tokenizer();
  const auto pairs =
      pairs_of(tokenizer, R"({"prompt": "1+2", "chosen": "3", "rejected": "4", "margin": 2})"
                          "\n");
  REQUIRE(pairs.size() == 1);
  const AnswerPair& pair = pairs.row(0);
  CHECK(tokenizer.tokenizer->decode(pair.prompt).find("1+2") != std::string::npos);
  const int32_t end = tokenizer.tokenizer->eos_ids().front();
  for (const auto* answer : {&pair.chosen, &pair.rejected}) {
    CHECK(answer->back() == end);
    CHECK(std::count(answer->begin(), answer->end(), end) == 1);
  }
  CHECK(pair.chosen != pair.rejected);
  CHECK(pair.margin == 2.0);
}

TEST_CASE("two chats that differ in their last message are a prompt and two answers",
          "[rl][pairs]") {
  const auto tokenizer = nano_tokenizer();
  const std::string whole =
      R"({"chosen": [{"role": "user", "content": "1+2"}, {"role": "assistant", "content": "3"}], )"
      R"("rejected": [{"role": "user", "content": "1+2"}, {"role": "assistant", "content": "4"}]})";
  const std::string apart =
      R"({"prompt": [{"role": "user", "content": "1+2"}], )"
      R"("chosen": [{"role": "assistant", "content": "3"}], "rejected": "4"})";
  const auto first = pairs_of(tokenizer, whole + "\n", kPlainTemplate);
  const auto second = pairs_of(tokenizer, apart + "\n", kPlainTemplate);
  CHECK(first.row(0).prompt == second.row(0).prompt);
  CHECK(first.row(0).chosen == second.row(0).chosen);
  CHECK(first.row(0).rejected == second.row(0).rejected);
  CHECK(first.digest() == second.digest());

  std::string other = whole;
  other.replace(other.rfind("1+2"), 3, "1+3");
  CHECK_THROWS_WITH(pairs_of(tokenizer, other + "\n", kPlainTemplate),
                    Catch::Contains("differ before their last message"));
}

TEST_CASE("pairs that do not fit the context are left out and told of, never cut", "[rl][pairs]") {
  const auto tokenizer = nano_tokenizer();
  const std::string row = R"({"prompt": "1+2", "chosen": "3", "rejected": "4"})";
  const std::string far = R"({"prompt": "1+2", "chosen": "3", "rejected": "44444444444444444444"})";
  const auto pairs = pairs_of(tokenizer, row + "\n" + far + "\n", "", 16);
  CHECK(pairs.size() == 1);
  CHECK(pairs.num_left_out() == 1);
  CHECK(pairs.notice().find("pairs.jsonl:2") != std::string::npos);
  CHECK_THROWS_AS(pairs_of(tokenizer, far + "\n", "", 16), FileError);
}

TEST_CASE("pairs in the form of OpenAI's files are those of ours", "[rl][pairs]") {
  const auto tokenizer = nano_tokenizer();
  const auto pairs = pairs_of(
      tokenizer,
      R"({"messages": [{"role": "user", "content": "1+2"}], "chosen": "3", "rejected": "4"})"
      "\n"
      R"({"input": {"messages": [{"role": "user", "content": "1+2"}]}, "preferred_output": )"
      R"([{"role": "assistant", "content": [{"type": "text", "text": "3"}]}], )"
      R"("non_preferred_output": [{"role": "assistant", "content": "4"}]})"
      "\n",
      kPlainTemplate);
  REQUIRE(pairs.size() == 2);
  CHECK(pairs.row(0).prompt == pairs.row(1).prompt);
  CHECK(pairs.row(0).chosen == pairs.row(1).chosen);
  CHECK(pairs.row(0).rejected == pairs.row(1).rejected);
  CHECK_THROWS_AS(pairs_of(tokenizer,
                           R"({"preferred_output": [], "non_preferred_output": []})"
                           "\n",
                           kPlainTemplate),
                  FileError);
}
