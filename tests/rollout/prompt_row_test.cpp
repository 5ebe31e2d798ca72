#include "rollout/prompts/prompt_row.h"

#include <set>

#include "base/exact_json.h"
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
  CHECK(read.chat.messages ==
        nlohmann::ordered_json::parse(
            R"([{"role":"system","content":"Think."},{"role":"user","content":"q"}])"));
  const auto own = read_row(
      json::parse(
          R"({"prompt":[{"role":"system","content":"Own."},{"role":"user","content":"q"}]})"),
      rules);
  CHECK(own.chat.messages[0]["content"] == "Own.");
  rules.prompt_template = PromptTemplate("{problem}!");
  CHECK(read_row({{"problem", "p"}}, rules).chat.messages[1]["content"] == "p!");
}

TEST_CASE("content of text parts is joined", "[rollout][row]") {
  const auto read = read_row(
      json::parse(
          R"({"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]})"),
      chat_rules());
  CHECK(read.chat.messages[0]["content"] == "ab");
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
      problem(
          R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{}]}]})"),
      Catch::Contains("assistant's and has no text"));
  CHECK_THAT(problem(R"({"question":"q","tools":{"a":1}})"),
             Catch::Contains("tools is not a list"));
  CHECK_THAT(problem(R"({"question":"q","tools":"[1"})"), Catch::Contains("tools"));
  CHECK_THAT(problem(R"({"question":"q","chat_template_kwargs":[1]})"),
             Catch::Contains("chat_template_kwargs is not an object"));
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

TEST_CASE("tools, template options and the order of keys reach the chat template",
          "[rollout][row]") {
  const auto read =
      read_row(gradus::parse_exact_json(
                   R"({"messages":[{"role":"user","content":"hi"}],"tools":[{"zip":1,"area":2}],)"
                   R"("chat_template_kwargs":"{\"enable_thinking\": false, \"a\": 1}"})",
                   "row"),
               chat_rules());
  CHECK(read.problem.empty());
  CHECK(read.chat.messages.dump() == R"([{"role":"user","content":"hi"}])");
  CHECK(read.chat.tools.dump() == R"([{"zip":1,"area":2}])");
  CHECK(read.chat.template_kwargs.dump() == R"({"enable_thinking":false,"a":1})");
  CHECK_FALSE(read.chat.continues);
}

TEST_CASE("a null is as good as no column and no field of a message", "[rollout][row]") {
  const auto read = read_row(
      json::parse(
          R"({"messages":[{"role":"user","content":"hi","tool_calls":null,"name":null},)"
          R"({"role":"assistant","content":null,"tool_calls":[{"id":null,"type":"function",)"
          R"("function":{"name":"f","strict":null,"arguments":{"unit":null}}}]},)"
          R"({"role":"tool","content":"r"}],"tools":null,"chat_template_kwargs":null})"),
      chat_rules());
  CHECK(read.problem.empty());
  CHECK(json(read.chat.messages) ==
        json::parse(R"([{"role":"user","content":"hi"},{"role":"assistant","tool_calls":)"
                    R"([{"type":"function","function":{"name":"f","arguments":{"unit":null}}}]},)"
                    R"({"role":"tool","content":"r"}])"));
  CHECK(read.chat.tools.is_null());
  CHECK(read_row(json::parse(R"({"messages":null,"prompt":null,"question":"q"})"), chat_rules())
            .chat.messages[0]["content"] == "q");
}

TEST_CASE("a chat that ends with the assistant's message is gone on with", "[rollout][row]") {
  const auto read = read_row(
      json::parse(
          R"({"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"Let me"}]})"),
      chat_rules());
  CHECK(read.problem.empty());
  CHECK(read.chat.continues);
}

TEST_CASE("ShareGPT's conversations are read as chats", "[rollout][row]") {
  const auto read =
      read_row(json::parse(R"({"system":"s","conversations":[{"from":"human","value":"a"},)"
                           R"({"from":"gpt","value":"b"},{"from":"human","value":"c"}]})"),
               chat_rules());
  CHECK(read.problem.empty());
  CHECK(json(read.chat.messages) ==
        json::parse(R"([{"role":"system","content":"s"},{"role":"user","content":"a"},)"
                    R"({"role":"assistant","content":"b"},{"role":"user","content":"c"}])"));
  CHECK_THAT(
      read_row(json::parse(R"({"conversations":[{"from":"alien","value":"a"}]})"), chat_rules())
          .problem,
      Catch::Contains("alien"));
}
