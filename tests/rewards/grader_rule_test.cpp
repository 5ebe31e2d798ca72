// The rule `grader` as a recipe uses it, with real services.

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "rewards/registry.h"
#include "tests/catch.h"
#include "tests/rewards/outbound/local_server.h"

using namespace gradus;
using namespace gradus::rewards;
using gradus::tests::json_response;
using gradus::tests::LocalServer;
using nlohmann::json;

namespace {

std::unique_ptr<RewardRule> make(json options) {
  RewardConfig config;
  config.type = "grader";
  config.options = std::move(options);
  config.where = "recipe.toml: rewards[0]";
  return make_reward_rule(config);
}

std::vector<Grade> grade(RewardRule& rule, const json& row, const std::vector<std::string>& texts) {
  std::vector<RewardInput> group;
  for (const auto& text : texts) {
    group.push_back({.prompt = "p", .completion = text, .row = &row});
  }
  return rule.grade(group);
}

const json kCheck = {{"type", "string_check"},
                     {"name", "check"},
                     {"input", "{{ sample.output_text }}"},
                     {"reference", "{{ item.label }}"},
                     {"operation", "eq"}};

}  // namespace

TEST_CASE("a grader in the recipe or in a file is a rule", "[rewards][graders][rule]") {
  const auto rule = make({{"grader", kCheck}});
  const json row = {{"label", "yes"}};
  const auto grades = grade(*rule, row, {"yes", "no"});
  CHECK(grades.at(0).value == 1);
  CHECK(grades.at(1).value == 0);
  CHECK_THAT(grades.at(0).details.at("version").get<std::string>(), Catch::StartsWith("sha256:"));
  const auto path =
      std::filesystem::temp_directory_path() / ("grader_" + std::to_string(getpid()) + ".json");
  std::ofstream(path) << kCheck.dump();
  const auto from_file = make({{"file", path.string()}});
  CHECK(grade(*from_file, row, {"yes"}).at(0).details == grades.at(0).details);
  std::filesystem::remove(path);
}

TEST_CASE("a grader that cannot work is refused with the place in the recipe",
          "[rewards][graders][rule]") {
  json wrong = kCheck;
  wrong["operation"] = "is";
  CHECK_THROWS_WITH(
      make({{"grader", wrong}}),
      Catch::StartsWith("recipe.toml: rewards[0]: grader.operation: Invalid value: 'is'."));
  json nameless = kCheck;
  nameless.erase("name");
  CHECK_THROWS_WITH(make({{"grader", nameless}}),
                    "recipe.toml: rewards[0]: Missing required parameter: 'grader.name'.");
  CHECK_THROWS_WITH(make({{"file", "/nowhere/grader.json"}}),
                    Catch::StartsWith("recipe.toml: rewards[0]: /nowhere/grader.json: "));
  CHECK_THROWS_AS(make(json::object()), ConfigError);
  CHECK_THROWS_AS(make({{"grader", kCheck}, {"file", "x.json"}}), ConfigError);
  CHECK_THROWS_AS(make({{"file", "/nowhere/grader.json"}}), FileError);
  CHECK_THROWS_AS(make({{"grader", kCheck}, {"models", {{"url", "https://a/v1"}}}}), ConfigError);
}

TEST_CASE("servers that may not be asked are found before the run", "[rewards][graders][rule]") {
  const json message = {{"role", "user"}, {"content", "x"}};
  const json model = {
      {"type", "score_model"}, {"name", "m"}, {"model", "j"}, {"input", json::array({message})}};
  const json multi = {{"type", "multi"},
                      {"name", "all"},
                      {"graders", {{"a", kCheck}, {"b", model}}},
                      {"calculate_output", "a + b"}};
  CHECK_THROWS_WITH(make({{"grader", model}}),
                    "recipe.toml: rewards[0]: grader.model: no model server is set; give "
                    "models.url, the API of models that judge");
  CHECK_THROWS_WITH(make({{"grader", multi}}), Catch::Contains("grader.graders.b.model: no model"));
  const json endpoint = {{"type", "endpoint"}, {"name", "e"}, {"url", "http://127.0.0.1:1/x"}};
  CHECK_THROWS_WITH(make({{"grader", endpoint}}),
                    Catch::Contains("grader.url: http://127.0.0.1:1 is not among the servers"));
}

TEST_CASE("a multi grader with on_error = zero takes a failed part for 0",
          "[rewards][graders][rule]") {
  json failing = kCheck;
  failing["reference"] = "{{ item.absent }}";
  const json multi = {{"type", "multi"},
                      {"name", "all"},
                      {"graders", {{"a", kCheck}, {"b", failing}}},
                      {"calculate_output", "a + b"}};
  const json row = {{"label", "yes"}};
  const auto zero = grade(*make({{"grader", multi}, {"on_error", "zero"}}), row, {"yes"}).at(0);
  CHECK(zero.value == 1.0);
  CHECK(zero.details.at("errors") == json{"invalid_variable_error"});
  CHECK(grade(*make({{"grader", multi}}), row, {"yes"}).at(0).outcome == GradeOutcome::failed);
}

TEST_CASE("an error is a failed grade, or 0 where the recipe says so", "[rewards][graders][rule]") {
  const json row = json::object();
  const auto failing = grade(*make({{"grader", kCheck}}), row, {"x"}).at(0);
  CHECK(failing.outcome == GradeOutcome::failed);
  CHECK_THAT(failing.reason, Catch::Contains("item.label"));
  CHECK(failing.details.at("errors") == json{"invalid_variable_error"});
  const auto zero = grade(*make({{"grader", kCheck}, {"on_error", "zero"}}), row, {"x"}).at(0);
  CHECK(zero.outcome == GradeOutcome::scored);
  CHECK(zero.value == 0);
  CHECK_FALSE(zero.reason.empty());
}

TEST_CASE("Python graders run in the sandbox", "[rewards][graders][rule][sandbox]") {
  const auto rule = make({{"grader",
                           {{"type", "python"},
                            {"name", "code"},
                            {"source",
                             "def grade(sample, item):\n"
                             "    if sample['output_text'] == 'boom':\n"
                             "        raise ValueError('boom')\n"
                             "    if sample['output_text'] == 'leave':\n"
                             "        import os; os._exit(3)\n"
                             "    if sample['output_text'] == 'nan':\n"
                             "        return float('nan')\n"
                             "    if sample['output_text'] == 'hang':\n"
                             "        while True: pass\n"
                             "    return sample['output_json']['n'] + item['bonus']\n"}}},
                          {"python", {{"timeout_s", 3.0}, {"isolation", "weak"}}}});
  const json row = {{"bonus", 0.5}};
  const auto grades =
      grade(*rule, row, {R"({"n": 1})", "boom", "leave", "nan", "hang", "text", R"({"n": 2})"});
  CHECK(grades.at(0).reason == "");
  CHECK(grades.at(0).value == 1.5);
  CHECK_THAT(grades.at(1).reason, Catch::Contains("ValueError: boom"));
  CHECK_THAT(grades.at(2).reason, Catch::Contains("status 3"));
  CHECK_THAT(grades.at(3).reason, Catch::Contains("must be finite"));
  CHECK(grades.at(4).outcome == GradeOutcome::timed_out);
  CHECK_THAT(grades.at(5).reason, Catch::Contains("KeyError"));
  CHECK(grades.at(6).value == 2.5);
  for (size_t i = 1; i < 6; ++i) CHECK(grades.at(i).outcome != GradeOutcome::scored);
}

TEST_CASE("a Python grader that does not load is refused at the start",
          "[rewards][graders][rule][sandbox]") {
  for (const char* source : {"def grade(sample, item:\n", "grade_it = 1\n",
                             "import no_such_module"
                             "\ndef grade(sample, item): return 0\n"}) {
    INFO(source);
    CHECK_THROWS_AS(make({{"grader", {{"type", "python"}, {"name", "x"}, {"source", source}}},
                          {"python", {{"isolation", "weak"}}}}),
                    ConfigError);
  }
}

TEST_CASE("models judge over the API that the operator allows", "[rewards][graders][rule][http]") {
  LocalServer server([](LocalServer::Connection& c, const std::string& request) {
    const bool is_good = request.find("good answer") != std::string::npos;
    c.send(
        json_response(R"({"model": "judge-1", "choices": [{"message": {"content": "{\"result\": )" +
                      std::string(is_good ? "0.75" : "\\\"bad\\\"") + R"(}"}}],)" +
                      R"("usage": {"prompt_tokens": 5, "completion_tokens": 3}})"));
  });
  const auto path = std::filesystem::temp_directory_path() / ("key_" + std::to_string(getpid()));
  std::ofstream(path) << "secret-key\n";
  const auto rule =
      make({{"grader",
             {{"type", "score_model"},
              {"name", "judge"},
              {"model", "judge"},
              {"input", {{{"role", "user"}, {"content", "{{ sample.output_text }}"}}}}}},
            {"outbound", {{"allow", {"http://" + server.authority()}}}},
            {"models",
             {{"url", "http://" + server.authority() + "/v1/"}, {"api_key_file", path.string()}}}});
  std::filesystem::remove(path);
  const json row = json::object();
  const auto grades = grade(*rule, row, {"a good answer", "a poor answer"});
  CHECK(grades.at(0).value == 0.75);
  CHECK(grades.at(0).details.at("model") == "judge-1");
  CHECK(grades.at(1).outcome == GradeOutcome::failed);
  CHECK_THAT(grades.at(1).reason, Catch::Contains("is no number"));
  const std::string request = server.requests().at(0);
  CHECK_THAT(request, Catch::StartsWith("POST /v1/chat/completions HTTP/1.1\r\n"));
  CHECK_THAT(request, Catch::Contains("Authorization: Bearer secret-key\r\n"));
  CHECK_THAT(request, Catch::Contains("json_schema"));
}

TEST_CASE("endpoints grade, and their faults are failed grades", "[rewards][graders][rule][http]") {
  LocalServer server([](LocalServer::Connection& c, const std::string& request) {
    if (request.find("\"one\"") != std::string::npos)
      return (void)c.send(json_response(R"({"score": 1})"));
    if (request.find("\"nan\"") != std::string::npos)
      return (void)c.send(json_response(R"({"score": NaN})"));
    c.send(json_response(R"({"error": {"message": "no such item"}})", "404 Not Found"));
  });
  const json endpoint = {
      {"type", "endpoint"}, {"name", "e"}, {"url", "http://" + server.authority() + "/grade"}};
  const auto secret =
      std::filesystem::temp_directory_path() / ("secret_" + std::to_string(getpid()));
  std::ofstream(secret) << "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n";
  const auto rule =
      make({{"grader", endpoint},
            {"outbound",
             {{"allow", {"http://" + server.authority()}}, {"secret_file", secret.string()}}}});
  std::filesystem::remove(secret);
  const json row = json::object();
  const auto grades = grade(*rule, row, {"one", "nan", "two"});
  CHECK(grades.at(0).value == 1);
  CHECK_THAT(grades.at(1).reason, Catch::Contains("127.0.0.1"));
  CHECK_THAT(grades.at(2).reason, Catch::Contains("status 404: no such item"));
  CHECK_THAT(server.requests().at(0), Catch::Contains("webhook-signature: v1,"));
}

TEST_CASE("a recipe holds a grader as a table", "[rewards][graders][rule]") {
  RewardConfig config;
  read_settings(config, R"(
      type = "grader"
      name = "both"
      [grader]
      type = "multi"
      name = "both"
      calculate_output = "0.5 * exact + 0.5 * near"
      [grader.graders.exact]
      type = "string_check"
      name = "exact"
      input = "{{ sample.output_text }}"
      reference = "{{ item.answer }}"
      operation = "eq"
      [grader.graders.near]
      type = "text_similarity"
      name = "near"
      input = "{{ sample.output_text }}"
      reference = "{{ item.answer }}"
      evaluation_metric = "rouge_l"
      [outbound]
      timeout_s = 5.0
  )",
                "recipe.toml");
  const auto rule = make_reward_rule(config);
  CHECK(rule->name() == "both");
  const auto grades = grade(*rule, {{"answer", "a b c"}}, {"a b c", "c b a"});
  CHECK(grades.at(0).value == 1);
  CHECK(grades.at(1).value == Approx(0.5 / 3));
}

TEST_CASE("the example of a grader grades", "[rewards][graders][rule]") {
  const auto rule = make({{"file", GRADUS_SOURCE_DIR "/examples/rewards/grader.json"}});
  const json row = {{"answer", "paris"}, {"reference", "The capital is Paris"}};
  const auto grades = grade(*rule, row, {"The capital is Paris", "I do not know"});
  CHECK(grades.at(0).value == Approx(1.0));
  CHECK(grades.at(1).value == 0);
  CHECK(grades.at(0).details.at("sub_rewards").size() == 2);
}
