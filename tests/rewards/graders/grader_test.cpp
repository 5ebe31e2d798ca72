#include "rewards/graders/grader.h"

#include "tests/catch.h"

using namespace gradus::rewards::graders;
using nlohmann::json;

namespace {

/// Answers what the test has set, and remembers what it was asked.
class FakeServices final : public GraderServices {
 public:
  PythonReply python{AskOutcome::answered, 0.5, ""};
  ModelReply model{AskOutcome::answered, "1", "", "judge-1", {10, 2, 4}};
  EndpointReply endpoint{AskOutcome::answered, {{"score", 0.25}}, ""};
  json asked;
  std::string source;

  PythonReply run_python(const std::string& text, const json& sample, const json& item) override {
    source = text;
    asked = {{"sample", sample}, {"item", item}};
    return python;
  }
  ModelReply ask_model(const ModelRequest& request) override {
    asked = {{"model", request.model},
             {"messages", request.messages},
             {"sampling", request.sampling},
             {"format", request.response_format}};
    return model;
  }
  EndpointReply call_endpoint(const EndpointRequest& request) override {
    asked = {{"url", request.url}, {"body", request.body}, {"timeout_s", request.timeout_s}};
    return endpoint;
  }
};

GraderScore grade(const json& spec, const json& item, const std::string& output,
                  FakeServices& services) {
  return make_grader(spec, services)->grade({item, make_sample(output)});
}

GraderScore grade(const json& spec, const json& item, const std::string& output) {
  FakeServices services;
  return grade(spec, item, output, services);
}

json string_check(const char* operation) {
  return {{"type", "string_check"},
          {"name", "check"},
          {"input", "{{ sample.output_text }}"},
          {"reference", "{{ item.label }}"},
          {"operation", operation}};
}

json score_model() {
  return {{"type", "score_model"},
          {"name", "judge"},
          {"model", "judge-1"},
          {"input", {{{"role", "user"}, {"content", "Rate {{ sample.output_text }}"}}}}};
}

// The error's param, code and message.
std::string refusal_of(const json& spec) {
  FakeServices services;
  try {
    make_grader(spec, services);
  } catch (const GraderSpecError& error) {
    return error.param() + " | " + error.code() + " | " + error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("string_check compares, and looks for the reference in the input", "[rewards][graders]") {
  const json item = {{"label", "Paris"}};
  CHECK(grade(string_check("eq"), item, "Paris").reward == 1);
  CHECK(grade(string_check("eq"), item, "paris").reward == 0);
  CHECK(grade(string_check("ne"), item, "paris").reward == 1);
  CHECK(grade(string_check("neq"), item, "Paris").reward == 0);
  CHECK(grade(string_check("like"), item, "It is Paris.").reward == 1);
  CHECK(grade(string_check("like"), item, "It is paris.").reward == 0);
  CHECK(grade(string_check("ilike"), item, "It is PARIS.").reward == 1);
  CHECK(grade(string_check("ilike"), {{"label", "ÉTÉ"}}, "un été").reward == 1);
  CHECK(grade(string_check("like"), item, "Par").reward == 0);
}

TEST_CASE("text_similarity gives its metric", "[rewards][graders]") {
  json spec = string_check("eq");
  spec["type"] = "text_similarity";
  spec.erase("operation");
  spec["evaluation_metric"] = "fuzzy_match";
  const json item = {{"label", "abcd"}};
  CHECK(grade(spec, item, "abc").reward == Approx(6.0 / 7.0));
  spec["pass_threshold"] = 0.9;
  CHECK(grade(spec, item, "abc").notes == json{{"passed", false}});
  for (const char* metric : {"bleu", "gleu", "meteor", "rouge_1", "rouge_5", "rouge_l"}) {
    spec["evaluation_metric"] = metric;
    INFO(metric);
    CHECK(grade(spec, {{"label", "one two three four five six"}}, "one two three four five six")
              .reward > 0.99);
  }
  spec["evaluation_metric"] = "cosine";
  CHECK_THAT(refusal_of(spec),
             Catch::Contains("grader.evaluation_metric | invalid_value | Invalid value: 'cosine'"));
  spec["evaluation_metric"] = "bleu";
  CHECK(grade(spec, item, std::string(200'000, 'x')).errors.other_error);
}

TEST_CASE("an absent field gives 0 with its flag", "[rewards][graders]") {
  const auto score = grade(string_check("eq"), json::object(), "x");
  CHECK(score.reward == 0);
  CHECK(score.errors.invalid_variable_error);
  CHECK_THAT(score.fault, Catch::Contains("item.label"));
}

TEST_CASE("python passes source, sample and item on, and reports its faults",
          "[rewards][graders]") {
  FakeServices services;
  const json spec = {{"type", "python"},
                     {"name", "code"},
                     {"image_tag", "2025-05-08"},
                     {"source", "def grade(sample, item): return 0.5"}};
  CHECK(grade(spec, {{"a", 1}}, "text", services).reward == 0.5);
  CHECK(services.source == spec.at("source"));
  CHECK(services.asked.at("item") == json{{"a", 1}});
  CHECK(services.asked.at("sample").at("output_text") == "text");
  services.python = {AskOutcome::broken, 0, "ZeroDivisionError"};
  auto score = grade(spec, {}, "", services);
  CHECK(score.reward == 0);
  CHECK(score.errors.python_grader_runtime_error);
  CHECK(score.errors.python_grader_runtime_error_details == "ZeroDivisionError");
  services.python = {AskOutcome::timed_out, 0, "120 s"};
  CHECK(grade(spec, {}, "", services).errors.unresponsive_reward_error);
  services.python = {AskOutcome::unavailable, 0, "no sandbox"};
  CHECK(grade(spec, {}, "", services).errors.python_grader_server_error);
  json long_source = spec;
  long_source["source"] = "grade" + std::string(256 * 1024, ' ');
  CHECK_THAT(refusal_of(long_source), Catch::Contains("grader.source | string_above_max_length"));
}

TEST_CASE("score_model reads a number and clamps it", "[rewards][graders]") {
  FakeServices services;
  json spec = score_model();
  spec["sampling_params"] = {{"temperature", 0}, {"seed", 7}, {"max_completions_tokens", 32}};
  spec["range"] = {-1, 5};
  for (const auto& [text, value] :
       std::vector<std::pair<std::string, double>>{{"3.5", 3.5},
                                                   {" 9\n", 5},
                                                   {"-2", -1},
                                                   {R"({"result": 2})", 2},
                                                   {R"({"score": 1.5, "why": "x"})", 1.5}}) {
    services.model.text = text;
    INFO(text);
    CHECK(grade(spec, {}, "an answer", services).reward == value);
  }
  CHECK(services.asked.at("messages") ==
        json::array({{{"role", "user"}, {"content", "Rate an answer"}}}));
  CHECK(services.asked.at("sampling") ==
        json{{"temperature", 0}, {"seed", 7}, {"max_completion_tokens", 32}});
  const auto score = grade(spec, {}, "", services);
  CHECK(score.sampled_model == "judge-1");
  CHECK(score.usage.at("judge-1").prompt_tokens == 10);
}

TEST_CASE("score_model takes nothing else for a number", "[rewards][graders]") {
  FakeServices services;
  for (const char* text : {"about 7", "1e999", "nan", "inf", "", "7/10", "1,5",
                           "{\"result\": \"1\"}", "0.5 0.6", "[1]"}) {
    services.model.text = text;
    const auto score = grade(score_model(), {}, "", services);
    INFO(text);
    CHECK(score.reward == 0);
    CHECK(score.errors.model_grader_parse_error);
  }
  services.model.outcome = AskOutcome::refused;
  CHECK(grade(score_model(), {}, "", services).errors.model_grader_refusal_error);
  services.model.outcome = AskOutcome::timed_out;
  CHECK(grade(score_model(), {}, "", services).errors.unresponsive_reward_error);
  services.model.outcome = AskOutcome::unavailable;
  services.model.details = "status 500";
  CHECK(grade(score_model(), {}, "", services).errors.model_grader_server_error_details ==
        "status 500");
}

TEST_CASE("label_model passes by its label, inside a multi grader only", "[rewards][graders]") {
  FakeServices services;
  json label = score_model();
  label["type"] = "label_model";
  label["labels"] = {"good", "bad"};
  label["passing_labels"] = {"good"};
  CHECK_THAT(refusal_of(label), Catch::Contains("grader.type | invalid_value"));
  const json spec = {{"type", "multi"},
                     {"name", "m"},
                     {"graders", {{"tone", label}}},
                     {"calculate_output", "tone"}};
  for (const auto& [text, value] : std::vector<std::pair<std::string, double>>{
           {"good", 1}, {"bad", 0}, {"\"good\".", 1}, {R"({"label": "good"})", 1}}) {
    services.model.text = text;
    INFO(text);
    CHECK(grade(spec, {}, "", services).reward == value);
  }
  services.model.text = "neither good nor bad";
  CHECK(grade(spec, {}, "", services).errors.model_grader_parse_error);
  label["passing_labels"] = {"fine"};
  json wrong = spec;
  wrong["graders"]["tone"] = label;
  CHECK_THAT(refusal_of(wrong), Catch::Contains("grader.graders.tone.passing_labels"));
}

TEST_CASE("endpoint reads {\"score\": number} and nothing else", "[rewards][graders]") {
  FakeServices services;
  json spec = {{"type", "endpoint"},
               {"name", "e"},
               {"url", "https://grader.example/grade"},
               {"headers", {{"X-Team", "a"}}},
               {"timeout_s", 5}};
  CHECK(grade(spec, {{"a", 1}}, "out", services).reward == 0.25);
  CHECK(services.asked.at("body").at("item") == json{{"a", 1}});
  for (const json& body : {json{{"score", "1"}}, json{{"reward", 1}}, json(1), json()}) {
    services.endpoint.body = body;
    CHECK(grade(spec, {}, "", services).errors.other_error);
  }
  services.endpoint.outcome = AskOutcome::timed_out;
  CHECK(grade(spec, {}, "", services).errors.unresponsive_reward_error);
  spec["headers"] = {{"X-A", "1\r\nHost: evil"}};
  CHECK_THAT(refusal_of(spec), Catch::Contains("control characters"));
  spec["headers"] = {{"Content-Length", "1"}};
  CHECK_THAT(refusal_of(spec), Catch::Contains("cannot be set"));
  spec["headers"] = nullptr;
  for (const char* url : {"ftp://a/", "https://", "https://a b/", "https://u:p@a/", "//a",
                          "https://a/#x", "https://a:99999/", "https://a:0/", "https://ä/"}) {
    spec["url"] = url;
    INFO(url);
    CHECK_THAT(refusal_of(spec), Catch::Contains("grader.url | invalid_value"));
  }
}

TEST_CASE("multi computes its formula over a map, a list or a single grader",
          "[rewards][graders]") {
  const json item = {{"label", "Paris"}};
  json spec = {{"type", "multi"}, {"name", "m"}, {"calculate_output", "0.25 * a + 0.5 * b"}};
  spec["graders"] = {{"a", string_check("eq")}, {"b", string_check("ilike")}};
  const auto score = grade(spec, item, "in paris");
  CHECK(score.reward == 0.5);
  CHECK(score.sub_rewards == std::map<std::string, double>{{"a", 0.0}, {"b", 1.0}});
  json named = string_check("eq");
  named["name"] = "only";
  spec["graders"] = named;
  spec["calculate_output"] = "1 - only";
  CHECK(grade(spec, item, "Paris").reward == 0);
  spec["graders"] = json::array({named, string_check("like")});
  spec["calculate_output"] = "min(only, check)";
  CHECK(grade(spec, item, "Paris").reward == 1);
}

TEST_CASE("a fault inside a multi grader is a fault of the whole", "[rewards][graders]") {
  json spec = {{"type", "multi"},
               {"name", "m"},
               {"graders", {{"a", string_check("eq")}}},
               {"calculate_output", "1 + a"}};
  const auto absent = grade(spec, json::object(), "x");
  CHECK(absent.errors.invalid_variable_error);
  CHECK_THAT(absent.fault, Catch::StartsWith("a: "));
  spec["calculate_output"] = "1 / a";
  const auto divided = grade(spec, {{"label", "Paris"}}, "x");
  CHECK(divided.reward == 0);
  CHECK(divided.errors.other_error);
  CHECK(divided.fault == "calculate_output divides by zero");
}

TEST_CASE("multi refuses formulas and graders that cannot work", "[rewards][graders]") {
  json spec = {{"type", "multi"},
               {"name", "m"},
               {"graders", {{"a", string_check("eq")}}},
               {"calculate_output", "a + b"}};
  CHECK(refusal_of(spec) ==
        "grader.calculate_output | invalid_value | Invalid 'grader.calculate_output': the formula "
        "uses 'b', which is no grader. There are 'a'.");
  spec["calculate_output"] = "0.5 * text_similarity_score +  0.5 * string_check_score)";
  CHECK_THAT(refusal_of(spec), Catch::Contains("grader.calculate_output | invalid_value"));
  spec["calculate_output"] = "a";
  spec["graders"] = json::array({string_check("eq"), string_check("eq")});
  CHECK_THAT(refusal_of(spec), Catch::Contains("two graders have the name 'check'"));
  spec["graders"] = json::object();
  CHECK_THAT(refusal_of(spec), Catch::Contains("has 0 graders"));
  json inner = spec;
  inner["graders"] = {{"a", string_check("eq")}};
  spec["graders"] = {{"a", inner}};
  CHECK_THAT(refusal_of(spec), Catch::Contains("grader.graders.a.type | invalid_value"));
}

TEST_CASE("graders are refused in OpenAI's words", "[rewards][graders]") {
  json spec = string_check("eq");
  spec.erase("name");
  CHECK(refusal_of(spec) ==
        "grader.name | missing_required_parameter | Missing required parameter: 'grader.name'.");
  spec = string_check("eq");
  spec["colour"] = 1;
  CHECK(refusal_of(spec) ==
        "grader.colour | unknown_parameter | Unknown parameter: 'grader.colour'.");
  spec = string_check("equals");
  CHECK(refusal_of(spec) ==
        "grader.operation | invalid_value | Invalid value: 'equals'. Supported values are: 'eq', "
        "'ne', 'like', and 'ilike'.");
  spec = string_check("eq");
  spec["input"] = 5;
  CHECK(refusal_of(spec) ==
        "grader.input | invalid_type | Invalid type for 'grader.input': expected a string, but got "
        "an integer instead.");
  spec["input"] = "{{ row.x }}";
  CHECK_THAT(refusal_of(spec),
             Catch::Contains("grader.input | invalid_value | Invalid template in 'grader.input'"));
  CHECK_THAT(refusal_of(json::array()), Catch::Contains("grader | invalid_type"));
  CHECK_THAT(refusal_of({{"type", "magic"}, {"name", "x"}}),
             Catch::Contains("Supported values are: 'string_check', 'text_similarity'"));
  json judge = score_model();
  judge["sampling_params"] = {{"max_completions_tokens", 0}};
  CHECK_THAT(refusal_of(judge), Catch::Contains("grader.sampling_params.max_completions_tokens | "
                                                "integer_below_min_value"));
  judge = score_model();
  judge["range"] = {1, 0};
  CHECK_THAT(refusal_of(judge), Catch::Contains("low must be below high"));
  judge = score_model();
  judge["input"] = {{{"role", "robot"}, {"content", "x"}}};
  CHECK_THAT(refusal_of(judge), Catch::Contains("grader.input[0].role | invalid_value"));
  judge["input"] = {
      {{"role", "user"}, {"content", {{{"type", "input_image"}, {"image_url", "http://x"}}}}}};
  CHECK_THAT(refusal_of(judge), Catch::Contains("grader.input[0].content[0].type"));
}

TEST_CASE("messages may have parts of text", "[rewards][graders]") {
  FakeServices services;
  json spec = score_model();
  spec["input"] = {{{"type", "message"},
                    {"role", "developer"},
                    {"content",
                     {{{"type", "input_text"}, {"text", "a {{item.x}} "}},
                      {{"type", "output_text"}, {"text", "b"}},
                      " c"}}},
                   {{"role", "user"}, {"content", {{"type", "input_text"}, {"text", "d"}}}}};
  grade(spec, {{"x", "{{ item.y }}"}}, "", services);
  CHECK(services.asked.at("messages") ==
        json::array({{{"role", "developer"}, {"content", "a {{ item.y }} b c"}},
                     {{"role", "user"}, {"content", "d"}}}));
}

TEST_CASE("a run is answered in OpenAI's form, all error keys there", "[rewards][graders]") {
  FakeServices services;
  const auto judge = make_grader(score_model(), services);
  const json response = run_response(*judge, judge->grade({json::object(), make_sample("x")}), 0.5);
  CHECK(response.at("reward") == 1.0);
  CHECK(response.at("sub_rewards") == json::object());
  CHECK(response.at("metadata").at("errors").size() == 14);
  CHECK(response.at("metadata").at("errors").at("python_grader_server_error_type").is_null());
  CHECK(response.at("metadata").at("sampled_model_name") == "judge-1");
  CHECK(response.at("metadata").at("token_usage").at("total_tokens") == 12);
  CHECK(response.at("model_grader_token_usage_per_model").at("judge-1").at("cached_tokens") == 4);
  CHECK(response.at("metadata").at("execution_time") == 0.5);
}
