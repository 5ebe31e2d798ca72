#include "service/models/output_parts.h"

#include <string>

#include "tests/catch.h"

using gradus::service::OutputParts;

namespace {

struct Parts {
  std::string reasoning;
  std::string content;
  nlohmann::json calls;
};

/// Pushes a text in pieces of `step` bytes.
Parts parts_of(const std::string& text, OutputParts::Wish wish, size_t step) {
  OutputParts output(wish);
  Parts parts;
  const auto add = [&](const OutputParts::Piece& piece) {
    parts.reasoning += piece.reasoning;
    parts.content += piece.content;
  };
  for (size_t at = 0; at < text.size(); at += step) add(output.push(text.substr(at, step)));
  add(output.finish());
  parts.calls = output.tool_calls();
  return parts;
}

}  // namespace

TEST_CASE("thinking, answer and calls are told apart whatever pieces come", "[service][models]") {
  const std::string text =
      " \n<think>a < b</think>\n\nThe <b>answer</b>"
      "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"x\": 1}}\n</tool_call>";
  for (const size_t step : {size_t{1}, size_t{3}, size_t{1000}}) {
    const auto parts = parts_of(text, {true, false, true}, step);
    CHECK(parts.reasoning == "a < b");
    CHECK(parts.content == "The <b>answer</b>");
    REQUIRE(parts.calls.size() == 1);
    CHECK(parts.calls[0]["function"]["name"] == "add");
    CHECK(parts.calls[0]["function"]["arguments"] == "{\"x\":1}");
  }
}

TEST_CASE("no text is lost that is neither", "[service][models]") {
  for (const size_t step : {size_t{1}, size_t{1000}}) {
    CHECK(parts_of("<thin", {true, false, false}, step).content == "<thin");
    CHECK(parts_of("x <think>y</think>", {true, false, false}, step).content ==
          "x <think>y</think>");
    CHECK(parts_of("still</thi", {true, true, false}, step).reasoning == "still</thi");
    CHECK(parts_of("a</think>b", {true, true, false}, step).content == "b");
    CHECK(parts_of("<think>x</think>", {false, false, false}, step).content == "<think>x</think>");
    CHECK(parts_of("a <tool_call>no json</tool_call>", {false, false, true}, step).content ==
          "a <tool_call>no json</tool_call>");
    CHECK(parts_of("<tool_call>{\"a\":1}</tool_call>", {false, false, false}, step).calls.empty());
  }
}
