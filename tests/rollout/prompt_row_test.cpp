#include "rollout/prompts/prompt_row.h"

#include <set>

#include "rollout/prompts/epoch_order.h"
#include "tests/catch.h"

using namespace gradus::rollout;
using nlohmann::json;

namespace {

RowRules chat_rules() {
  RowRules rules;
  rules.as_chat = true;
  return rules;
}

std::string fill(const char* text, const json& row) {
  return PromptTemplate(text).fill(row).text;
}

}  // namespace

TEST_CASE("a template puts columns in and leaves other braces alone", "[rollout][template]") {
  const json row = {{"question", "1+1?"}, {"n", 3}, {"item", {{"x", "deep"}}}, {"list", {1, 2}}};
  CHECK(fill("Q: {question}\nA:", row) == "Q: 1+1?\nA:");
  CHECK(fill("{n}|{item.x}|{list}", row) == "3|deep|[1,2]");
  CHECK(fill("in \\boxed{} or \\boxed{{}} {", row) == "in \\boxed{} or \\boxed{} {");
  CHECK(fill("{{question}}", row) == "{question}");
}

TEST_CASE("values are never expanded again", "[rollout][template]") {
  const json row = {{"question", "{answer} {{x}} }}"}, {"answer", "42"}};
  CHECK(fill("{question}", row) == "{answer} {{x}} }}");
}

TEST_CASE("a column that the row lacks is named with those it has", "[rollout][template]") {
  const auto filled = PromptTemplate("{quesion}").fill({{"question", "x"}, {"answer", "y"}});
  CHECK_THAT(filled.problem, Catch::Contains("quesion") && Catch::Contains("answer, question"));
}

TEST_CASE("every column of a row is kept as it is", "[rollout][row]") {
  const json row = {{"question", "q"}, {"answer", "2+2=4\n#### 4"}, {"level", 5}};
  const auto read = read_row(row, {});
  CHECK(read.problem.empty());
  CHECK(read.text == "q");
  CHECK(read.row == row);
}

TEST_CASE("questions become chats where there is a chat template", "[rollout][row]") {
  auto rules = chat_rules();
  rules.system = "Think.";
  const auto read = read_row({{"question", "q"}}, rules);
  CHECK(read.messages ==
        json::parse(R"([{"role":"system","content":"Think."},{"role":"user","content":"q"}])"));
  const auto own = read_row(
      json::parse(
          R"({"prompt":[{"role":"system","content":"Own."},{"role":"user","content":"q"}]})"),
      rules);
  CHECK(own.messages[0]["content"] == "Own.");
  rules.prompt_template = PromptTemplate("{problem}!");
  CHECK(read_row({{"problem", "p"}}, rules).messages[1]["content"] == "p!");
}

TEST_CASE("content of text parts is joined", "[rollout][row]") {
  const auto read = read_row(
      json::parse(
          R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]})"),
      chat_rules());
  CHECK(read.messages[0]["content"] == "ab");
}

TEST_CASE("rows that can't be prompts say why", "[rollout][row]") {
  const auto problem = [](const char* text) {
    return read_row(json::parse(text), chat_rules()).problem;
  };
  CHECK_THAT(problem("[]"), Catch::Contains("not an object"));
  CHECK_THAT(problem(R"({"text":"x"})"), Catch::Contains("question, prompt, messages"));
  CHECK_THAT(problem(R"({"question":null})"), Catch::Contains("question"));
  CHECK_THAT(problem(R"({"messages":[]})"), Catch::Contains("empty"));
  CHECK_THAT(problem(R"({"messages":"hi"})"), Catch::Contains("list"));
  CHECK_THAT(problem(R"({"messages":[{"role":"robot","content":"x"}]})"), Catch::Contains("robot"));
  CHECK_THAT(problem(R"({"messages":[{"role":"user","content":null}]})"),
             Catch::Contains("message 1 has no content"));
  CHECK_THAT(problem(R"({"messages":[{"role":"user","content":7}]})"),
             Catch::Contains("neither text"));
  CHECK_THAT(
      problem(R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y"}]})"),
      Catch::Contains("assistant"));
  CHECK_THAT(read_row(json::parse(R"({"messages":[{"role":"user","content":"x"}]})"), {}).problem,
             Catch::Contains("chat template"));
}

TEST_CASE("each epoch holds every row once, in another order", "[rollout][order]") {
  const EpochOrder order(100, 5, true);
  std::vector<int64_t> first;
  std::vector<int64_t> second;
  for (int64_t i = 0; i < 100; ++i) first.push_back(order.row_at(i));
  for (int64_t i = 100; i < 200; ++i) second.push_back(order.row_at(i));
  CHECK(std::set<int64_t>(first.begin(), first.end()).size() == 100);
  CHECK(std::set<int64_t>(second.begin(), second.end()).size() == 100);
  CHECK(first != second);
  CHECK(EpochOrder(100, 5, true).row_at(150) == second[50]);
  CHECK(order.row_at(7) == first[7]);
  CHECK(EpochOrder(100, 6, true).row_at(0) != first[0]);
  CHECK(EpochOrder(3, 1, false).row_at(7) == 1);
}
