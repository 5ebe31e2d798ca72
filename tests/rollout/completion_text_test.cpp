#include "rollout/engine/completion_text.h"

#include "tests/catch.h"
#include "tests/rollout/fake_tokenizer.h"

using namespace gradus::rollout;
using gradus::rollout::testing::PieceTokenizer;

TEST_CASE("a stop string is found across token edges and cut exactly", "[rollout][stop]") {
  const PieceTokenizer tokenizer({"Answer", " 7", ".\n", "\nQues", "tion: more"});
  const std::vector<std::string> stops{"\n\nQuestion:"};
  CompletionText text(tokenizer, stops);
  CHECK_FALSE(text.push(0));
  CHECK_FALSE(text.push(1));
  CHECK_FALSE(text.push(2));
  CHECK(text.take_settled(false) == "Answer 7.");
  CHECK_FALSE(text.push(3));
  CHECK(text.take_settled(false).empty());
  CHECK(text.push(4));
  CHECK(text.text() == "Answer 7.");
  CHECK(text.take_settled(true).empty());
}

TEST_CASE("of two stop strings the one that begins first cuts", "[rollout][stop]") {
  const PieceTokenizer tokenizer({"one END two STOP"});
  const std::vector<std::string> stops{"STOP", "END"};
  CompletionText text(tokenizer, stops);
  CHECK(text.push(0));
  CHECK(text.text() == "one ");
}

TEST_CASE("text that only looked like a stop string is let out later", "[rollout][stop]") {
  const PieceTokenizer tokenizer({"a#", "#b", "##"});
  const std::vector<std::string> stops{"###"};
  CompletionText text(tokenizer, stops);
  CHECK_FALSE(text.push(0));
  CHECK(text.take_settled(false) == "a");
  CHECK_FALSE(text.push(1));
  CHECK(text.take_settled(false) == "##b");
  CHECK_FALSE(text.push(2));
  CHECK(text.take_settled(false).empty());
  CHECK(text.take_settled(true) == "##");
}

TEST_CASE("a character cut in two never shows as a replacement", "[rollout][stop]") {
  const PieceTokenizer tokenizer({"\xE2\x82", "\xAC!", "x"});
  const std::vector<std::string> none;
  CompletionText text(tokenizer, none);
  CHECK_FALSE(text.push(2));
  CHECK_FALSE(text.push(0));
  CHECK(text.take_settled(false) == "x");
  CHECK_FALSE(text.push(1));
  CHECK(text.text() == "x\xE2\x82\xAC!");

  CompletionText cut(tokenizer, none);
  CHECK_FALSE(cut.push(2));
  CHECK_FALSE(cut.push(0));
  CHECK(cut.text() == "x");
}
