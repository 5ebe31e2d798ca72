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

TEST_CASE("60, 80 and 100 columns show the time left, and figures whole or not at all",
          "[cli][display]") {
  for (const int columns : {60, 80, 100, 200}) {
    std::ostringstream out;
    ManualClock clock;
    {
      const auto display = make_terminal_display(out, 1000, clock, [&] { return columns; });
      display->on_phase(1, "rollout");
      display->on_progress(31, 256);
      for (int64_t i = 1; i <= 3; ++i) {
        clock.advance(2.0);
        display->on_step({i,
                          {{"reward", 0.4125},
                           {"eval/accuracy", 0.75},
                           {"kl", 0.0125},
                           {"completions/mean_length", 123.5},
                           {"perf/tokens_per_s", 98765.0}},
                          {}});
      }
    }
    const std::string all = out.str();
    const std::string last = all.substr(all.rfind("3/1000") - (columns < 70 ? 0 : 23));
    INFO(last);
    CHECK(last.find("33 m 14 s left") != std::string::npos);
    CHECK((last.find("tokens/s") != std::string::npos) == (columns == 200));
    const auto kl = last.find("kl ");
    CHECK((kl == std::string::npos || last.find("kl 0.0125") == kl));
  }
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
