// Ctrl-C in the middle of grading: what may take long ends at once, with failed grades.

#include <chrono>
#include <stop_token>
#include <thread>

#include "tests/catch.h"
#include "tests/rewards/outbound/local_server.h"
#include "tests/rewards/plugins/plugin_files.h"
#include "tests/support/patience.h"

using namespace gradus::rewards;
using gradus::tests::LocalServer;
using nlohmann::json;

namespace {

/// Grades completions that take a minute each, stops them, and looks at what they got.
void check_stop(RewardRule& rule, const std::string& completion, const json& row = json::object()) {
  std::stop_source stop;
  rule.stop_with(stop.get_token());
  const auto begin = std::chrono::steady_clock::now();
  const std::jthread impatient([&stop] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  const auto grades = grades_of(rule, {completion, completion}, row);
  CHECK(std::chrono::steady_clock::now() - begin < gradus::tests::patience(20));
  REQUIRE(grades.size() == 2);
  for (const Grade& grade : grades) {
    CHECK(grade.outcome == GradeOutcome::failed);
    CHECK(grade.reason == kStopped);
  }
}

std::unique_ptr<RewardRule> make_grader(const json& options) {
  RewardConfig config;
  config.type = "grader";
  config.options = options;
  return make_reward_rule(config);
}

json judge(const LocalServer& server) {
  return {{"grader",
           {{"type", "score_model"},
            {"name", "judge"},
            {"model", "judge"},
            {"input", {{{"role", "user"}, {"content", "{{ sample.output_text }}"}}}}}},
          {"on_error", "zero"},
          {"outbound", {{"allow", {"http://" + server.authority()}}, {"timeout_s", 60.0}}},
          {"models", {{"url", "http://" + server.authority() + "/v1"}}}};
}

}  // namespace

TEST_CASE("a plug-in ends when a stop is requested", "[rewards][stop][plugins]") {
  const PluginFolder folder;
  const auto path = folder.add("rule.py",
                               "import time\n"
                               "def slow(completions, **kwargs):\n"
                               "    time.sleep(60)\n");
  check_stop(*make_rule("python", {{"file", path + ":slow"}, {"timeout_s", 60.0}}), "x");
}

TEST_CASE("programs and their tests end when a stop is requested", "[rewards][stop][code]") {
  const auto rule = make_rule("code", {{"timeout_s", 60.0}});
  const char* const sleeper = "```python\nimport time\ntime.sleep(60)\n```";
  check_stop(*rule, sleeper, {{"tests", {{{"input", ""}, {"output", "5"}}}}});
  const auto judged = make_rule("code", {{"timeout_s", 60.0}});
  check_stop(*judged, sleeper, {{"tests", {"assert f(1) == 1"}}});
}

TEST_CASE("Python graders end when a stop is requested", "[rewards][stop][graders][sandbox]") {
  const auto rule = make_grader({{"grader",
                                  {{"type", "python"},
                                   {"name", "slow"},
                                   {"source",
                                    "import time\n"
                                    "def grade(sample, item):\n"
                                    "    time.sleep(60)\n"}}},
                                 {"on_error", "zero"},
                                 {"python", {{"isolation", strongest_isolation()}}}});
  check_stop(*rule, "x");
}

TEST_CASE("questions to a server end when a stop is requested", "[rewards][stop][graders][http]") {
  LocalServer silent([](LocalServer::Connection& c, const std::string&) { c.wait_for_close(60); });
  check_stop(*make_grader(judge(silent)), "x");
}
