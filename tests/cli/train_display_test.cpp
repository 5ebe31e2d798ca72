#include "cli/train_display.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/catch.h"

using namespace gradus;
using namespace gradus::cli;

namespace {

rl::MetricsRecord step(int64_t number) {
  return {number, {{"reward", 0.5}, {"loss", std::nan("")}, {"perf/tokens_per_s", 1234.0}}, {}};
}

}  // namespace

TEST_CASE("a step's summary holds its finite figures alone", "[cli][display]") {
  CHECK(step_summary(step(1)) == "reward 0.5  tokens/s 1234");
}

TEST_CASE("the time left follows the pace of the steps since the first", "[cli][display]") {
  std::ostringstream out;
  ManualClock clock;
  const auto display = make_plain_display(out, 10, clock);
  clock.set(100.0);  // loading and the first step are slow
  display->on_step(step(1));
  clock.set(102.0);
  display->on_step(step(2));
  CHECK(out.str().find("step 1/10: reward 0.5  tokens/s 1234\n") != std::string::npos);
  CHECK(out.str().find("16.0 s left") != std::string::npos);
}

TEST_CASE("the terminal's line is never longer than the terminal", "[cli][display]") {
  std::ostringstream out;
  const ManualClock clock;
  {
    const auto display = make_terminal_display(out, 10, clock, [] { return 30; });
    display->on_phase(1, "rollout");
    display->on_step(step(1));
  }
  std::istringstream drawn(out.str());
  for (std::string line; std::getline(drawn, line, '\r');) CHECK(line.size() <= 29 + 3);
}

TEST_CASE("warnings from outside cannot drive the terminal", "[cli][display]") {
  std::ostringstream out;
  const ManualClock clock;
  make_plain_display(out, 10, clock)->on_warning("bad \x1b[2J row\n");
  CHECK(out.str().find('\x1b') == std::string::npos);
}

TEST_CASE("each event of a run is one JSON object on one line", "[cli][display]") {
  std::ostringstream out;
  const auto display = make_json_display(out);
  display->on_step(step(3));
  display->on_eval(3, {3, {{"eval/accuracy", 0.25}}, {}});
  std::istringstream lines(out.str());
  std::string line;
  std::getline(lines, line);
  const auto event = nlohmann::json::parse(line);
  CHECK(event["event"] == "step");
  CHECK(event["step"] == 3);
  CHECK(event["loss"].is_null());
  std::getline(lines, line);
  CHECK(nlohmann::json::parse(line)["eval/accuracy"] == 0.25);
}
