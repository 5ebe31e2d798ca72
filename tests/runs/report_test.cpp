#include "runs/report/report.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "runs/evaluation_files.h"
#include "runs/report/chart.h"
#include "runs/report/html_text.h"
#include "runs/report/sample_list.h"
#include "runs/run_view.h"
#include "tests/catch.h"
#include "tests/cli/program.h"

using namespace gradus::cli;
using namespace gradus::runs;

namespace {

void write_small_run(const std::filesystem::path& dir, int num_steps) {
  std::filesystem::create_directories(dir / "samples");
  write_text(dir / "recipe.toml", "[run]\nsteps = 3\nname = \"<b>\"\n");
  write_text(dir / "status.json",
             R"({"state":"finished","reason":"","step":3,"steps":3,"pid":1,"updated":"now"})");
  std::string metrics;
  for (int step = 0; step <= num_steps; ++step) {
    metrics += fmt::format(R"({{"step":{},"reward":{},"loss":null)", step, 0.1 * step);
    if (step == 0 || step == num_steps) {
      metrics +=
          fmt::format(R"(,"eval/accuracy":{},"eval/accuracy/low":0.1,"eval/accuracy/high":0.9)",
                      0.2 + 0.1 * step);
    }
    metrics += "}\n";
  }
  write_text(dir / "metrics.jsonl", metrics + "{\"step\":99,\"rew");
  for (int step = 1; step <= num_steps; ++step) {
    std::string lines;
    for (int i = 0; i < 4; ++i) {
      lines += fmt::format(
          R"({{"step":{},"prompt_id":"p{}","index":{},"prompt":"What is 1 < 2?","completion":"</pre><script>alert(1)</script>",)"
          R"("finish":"stop","error":"","num_tokens":7,"reward":{},"advantage":-0.5,)"
          R"("grades":{{"accuracy":{{"value":1.0,"outcome":"scored","reason":"","details":null}}}}}})",
          step, i / 2, i % 2, i % 2 == 0 ? "1.0" : "null");
      lines += "\n";
    }
    write_text(dir / "samples" / fmt::format("step-{:06}.jsonl", step), lines);
  }
}

}  // namespace

TEST_CASE("a run's report shows its curves and keeps hostile completions as text",
          "[runs][report]") {
  const TemporaryFolder folder;
  write_small_run(folder.path(), 3);
  const auto html = read_text(write_report(folder.path()));
  CHECK(html.find("Accuracy before") != std::string::npos);
  CHECK(html.find("50.0 %") != std::string::npos);
  CHECK(html.find("<svg") != std::string::npos);
  CHECK(html.find("<script>alert") == std::string::npos);
  CHECK(html.find("&lt;script&gt;alert(1)") != std::string::npos);
  CHECK(html.find("no reward") != std::string::npos);
  CHECK(html.find("http://") == std::string::npos);
  CHECK(html.find("https://") == std::string::npos);
}

TEST_CASE("a report shows held-out answers with gold, what was read and why, and each rule's curve",
          "[runs][report]") {
  const TemporaryFolder folder;
  write_small_run(folder.path(), 3);
  write_text(folder / "metrics.jsonl",
             R"({"step":1,"reward":0.5,"rewards/brevity/mean":0.25,"learning_rate":0.001,)"
             R"("eval/accuracy":0.5,"eval/far/accuracy":0.25})"
             "\n");
  write_text(folder / "samples/eval-step-000003.jsonl",
             R"({"set":"far","id":"t:1","prompt":"1 + 1?","right":0,"samples":[{"completion":)"
             R"("It is <3>.","answer":"3","is_right":false,"finish":"stop","error":"",)"
             R"("num_tokens":4,"grades":{"accuracy":{"value":0.0,"outcome":"scored","reason":"",)"
             R"("details":{"verdict":"numbers differ","gold":"2","answer":"3"}}}}]})"
             "\n");
  const auto html = report_html(folder.path());
  for (const char* part :
       {"Held-out problems, step 3", "<dt>Gold</dt><dd>2</dd>", "<dt>Answer read</dt><dd>3</dd>",
        "<dt>Decided by</dt><dd>numbers differ</dd>", "It is &lt;3&gt;.", "Rule brevity",
        R"(data-name="far")", R"(data-set="far")", "data-values=", "max-width: 600px"})
    CHECK(html.find(part) != std::string::npos);
  CHECK(html.find("http://") == std::string::npos);
  CHECK(html.find("src=") == std::string::npos);
}

TEST_CASE("a short run and a learning rate are drawn as they are", "[runs][chart]") {
  const auto chart = [](size_t num_points, bool is_smoothed) {
    Curve curve{"reward", {}, is_smoothed};
    for (size_t i = 0; i < num_points; ++i)
      curve.points.push_back({static_cast<double>(i), i % 2 == 0 ? 0.0 : 1.0, {}, {}});
    return chart_html({"Reward", "", {curve}, true});
  };
  CHECK(chart(40, true).find("faint") == std::string::npos);
  CHECK(chart(60, true).find("faint") != std::string::npos);
  CHECK(chart(60, false).find("faint") == std::string::npos);
}

TEST_CASE("two evaluations differ on the problems that both have", "[runs][compare]") {
  const auto problem = [](const std::string& id, std::vector<bool> right) {
    EvaluatedProblem made;
    made.id = id;
    for (const bool is_right : right) made.answers.emplace_back().is_right = is_right;
    return made;
  };
  std::vector<EvaluatedProblem> first;
  std::vector<EvaluatedProblem> second;
  for (int i = 0; i < 100; ++i) {
    first.push_back(problem(std::to_string(i), {i < 40}));
    second.push_back(problem(std::to_string(i), {i < 10 || (i >= 40 && i < 80)}));
  }
  second.push_back(problem("new", {true}));
  const auto paired = paired_difference(first, second);
  REQUIRE(paired);
  CHECK(paired->num_problems == 100);
  CHECK(paired->num_better == 40);
  CHECK(paired->num_worse == 30);
  CHECK(paired->difference == Approx(0.1));
  // m = 10 / 102, v = 71 / 102 - m^2, half = 1.95996 sqrt(v / 102).
  CHECK(paired->low == Approx(0.098039 - 0.160794).margin(1e-5));
  CHECK(paired->high == Approx(0.098039 + 0.160794).margin(1e-5));
  const auto same = paired_difference(first, first);
  CHECK(same->difference == 0.0);
  CHECK(same->low < 0.0);
  CHECK(same->high > 0.0);
  CHECK_FALSE(paired_difference({}, second));
}

TEST_CASE("a report's completions are whole groups spread over the run", "[runs][report]") {
  const TemporaryFolder folder;
  write_small_run(folder.path(), 40);
  const auto list = read_samples(folder.path() / "samples", 32);
  CHECK(list.num_files == 40);
  CHECK(list.num_in_files == 160);
  REQUIRE_FALSE(list.samples.empty());
  CHECK(list.samples.size() <= 32);
  CHECK(list.samples.front().step == 1);
  CHECK(list.samples.back().step == 40);
  CHECK(list.samples.size() % 2 == 0);
}

TEST_CASE("a torn last line and values that are not finite do not spoil a run's view",
          "[runs][runs]") {
  const TemporaryFolder folder;
  write_small_run(folder.path(), 3);
  const auto run = read_run(folder.path());
  CHECK(run.state == "finished");
  CHECK(run.step == 3);
  REQUIRE(run.evals.size() == 2);
  CHECK(run.best_eval()->step == 3);
  CHECK_FALSE(run.last("loss").has_value());
  CHECK(run.last("reward") == Approx(0.3));
}

TEST_CASE("a run that says running while nobody works on it was killed", "[runs][runs]") {
  const TemporaryFolder folder;
  write_small_run(folder.path(), 1);
  write_text(folder / "status.json", R"({"state":"running","step":1,"steps":3})");
  write_text(folder / ".lock", "1");
  CHECK(read_run(folder.path()).state == "killed");
}

TEST_CASE("a folder without a run is refused by name", "[runs][runs]") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(read_run(folder.path()), gradus::FileError);
  CHECK_THROWS_AS(find_runs({folder.path()}), gradus::FileError);
}

TEST_CASE("axis marks are round and inside the range", "[runs][chart]") {
  CHECK(axis_marks(0.0, 1.0, 5) ==
        std::vector<double>{0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0});
  CHECK(axis_marks(3.0, 97.0, 5).front() == 20.0);
  CHECK(axis_marks(2.0, 2.0, 5).size() == 1);
}

TEST_CASE("a running mean of a constant is that constant from the first point on",
          "[runs][chart]") {
  const std::vector<CurvePoint> points{{0, 2.0, {}, {}}, {1, NAN, {}, {}}, {2, 2.0, {}, {}}};
  const auto smooth = running_mean(points, 0.9);
  CHECK(smooth[0].y == Approx(2.0));
  CHECK(std::isnan(smooth[1].y));
  CHECK(smooth[2].y == Approx(2.0));
}

TEST_CASE("a curve without a finite value draws nothing", "[runs][chart]") {
  CHECK(chart_html({"x", "", {{"", {{0, NAN, {}, {}}}, false}}, false}).empty());
  CHECK_FALSE(chart_html({"x", "", {{"", {{0, 1.0, {}, {}}}, false}}, false}).empty());
}

TEST_CASE("text in HTML cannot become markup", "[runs][report]") {
  CHECK(html_text("<a href=\"x\">&'") == "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  CHECK(html_text("a\x1b[31m") == "a\xEF\xBF\xBD[31m");
}

TEST_CASE("axis marks end for all values that a curve can have", "[runs][chart]") {
  constexpr double kLargest = std::numeric_limits<double>::max();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const double x = 0.62;
  const std::vector<std::pair<double, double>> extents{
      {std::nextafter(x, 0.0), x},
      {x, std::nextafter(std::nextafter(x, 1.0), 1.0)},
      {-x, std::nextafter(-x, 0.0)},
      {9e18, 9e18 + 1e4},
      {9.0e18, std::nextafter(9.0e18, 1e19)},
      {0.0, 9.2e18},
      {-1e300, 1e300},
      {-kLargest, kLargest},
      {kLargest / 2, kLargest},
      {0.0, std::numeric_limits<double>::denorm_min()},
      {0.0, 1e-310},
      {1e-310, 3e-310},
      {1e15, 1e15 + 1},
      {-7.0, -6.999999999999}};
  for (const auto& [low, high] : extents) {
    INFO(low << " to " << high);
    for (const int wanted : {1, 5, 6}) {
      const auto marks = axis_marks(low, high, wanted);
      CHECK(marks.size() <= 20);
      CHECK_FALSE(marks.empty());
    }
  }
  CHECK(axis_marks(-kInfinity, 1.0, 5).empty());
  CHECK(axis_marks(0.0, std::nan(""), 5).empty());
}

TEST_CASE("a chart of nearly equal, huge or tiny values is drawn with finite numbers",
          "[runs][chart]") {
  constexpr double kLargest = std::numeric_limits<double>::max();
  const std::vector<std::vector<double>> curves{{0.62, std::nextafter(0.62, 0.0), 0.62},
                                                {-kLargest, kLargest},
                                                {kLargest, kLargest},
                                                {5e-324, 0.0, 1e-323},
                                                {-1e-310, 1e308}};
  for (const auto& values : curves) {
    Curve curve{"reward", {}, true};
    for (size_t i = 0; i < values.size(); ++i)
      curve.points.push_back({9e18 + 1024.0 * static_cast<double>(i), values[i], {}, {}});
    const std::string html = chart_html({"Reward", "", {curve}, true});
    CHECK(html.size() < 20000);
    CHECK(html.find("nan") == std::string::npos);
    CHECK(html.find("inf") == std::string::npos);
  }
}
