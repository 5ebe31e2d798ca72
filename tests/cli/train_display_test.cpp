#include "cli/train_display.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/train_opening.h"
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
    const std::string last = all.substr(all.rfind('\r', all.rfind("3/1000")));
    INFO(last);
    CHECK(last.starts_with("\r\x1b[K33 m 14 s left  "));
    CHECK((last.find("tokens/s") != std::string::npos) == (columns == 200));
    const auto kl = last.find("kl ");
    CHECK((kl == std::string::npos || last.find("kl 0.0125") == kl));
  }
}

TEST_CASE("a narrow terminal has the time left, the step and the phase", "[cli][display]") {
  std::ostringstream out;
  ManualClock clock;
  {
    const auto display = make_terminal_display(out, 100, clock, [] { return 40; });
    for (int64_t i = 1; i <= 3; ++i) {
      clock.advance(2.0);
      display->on_step(step(i));
    }
    display->on_phase(4, "rollout");
  }
  CHECK(out.str().find("3 m 14 s left  3/100  rollout") != std::string::npos);
}

TEST_CASE("a run opens with its model, rows, folder, memory and first prompt", "[cli][display]") {
  rl::RunOpening opening;
  opening.task = "grpo";
  opening.model = "/a/very/long/path/that/does/not/fit/into/a/narrow/terminal/at/all/model";
  opening.num_parameters = 134'515'008;
  opening.num_trained = 134'515'008;
  opening.num_rows = 7473;
  opening.num_left_out = 2;
  opening.first_text = "Q: one\x1b[2J\n" + std::string(200, 'x') + "\n\n\n\n\n\n\nlast";
  opening.first_text_tokens = 31;
  opening.directory = "/runs/first";
  opening.memory_bytes = 2'000'000'000;
  opening.free_bytes = 8'000'000'000;
  for (const int columns : {40, 80}) {
    std::ostringstream out;
    const ManualClock clock;
    {
      const auto display = make_terminal_display(out, 0, clock, [&] { return columns; });
      display->on_opening(opening);
      display->on_begin(0, 60);
    }
    const std::string text = out.str();
    INFO(text);
    for (const char* part :
         {"terminal/at/all/model", "134.5 M parameters", "grpo, 60 steps", "7,473 (2 left out)",
          "/runs/first", "about 2.0 GB", "31 tokens:", "  | Q: one\\x1b", "  | ..."})
      if (columns == 80 || std::string(part) != "terminal/at/all/model")
        if (columns == 80 || std::string(part) != "134.5 M parameters")
          CHECK(text.find(part) != std::string::npos);
    CHECK(text.find("last") == std::string::npos);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line) && line.find('\r') == std::string::npos;)
      CHECK(std::ssize(line) < columns);
  }
  CHECK(cut_to_columns("äöü", 3) == "äöü");
  CHECK(cut_to_columns("äöüäöü", 5) == "äö...");
}

TEST_CASE("an evaluation's line names the sets", "[cli][display]") {
  std::ostringstream out;
  const ManualClock clock;
  make_plain_display(out, 10, clock)
      ->on_eval(5, {5,
                    {{"eval/accuracy", 0.5},
                     {"eval/far/accuracy", 0.25},
                     {"eval/rewards/accuracy", 0.5},
                     {"eval/far/accuracy/low", 0.1}},
                    {}});
  CHECK(out.str() == "step 5: evaluation: accuracy 0.5000; far 0.2500\n");
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
