#include "rl/learn/metrics.h"

#include <fstream>
#include <iterator>
#include <string>

#include "tests/catch.h"

using namespace gradus::rl;

TEST_CASE("figures of two parts become one as their names say", "[rl][metrics]") {
  Metrics a{{"completions/max_length", 7.0}, {"completions/failed", 1.0}};
  a.set_mean("entropy", 3.0, 2.0);
  Metrics b{{"completions/max_length", 9.0}, {"completions/failed", 2.0}, {"loss", 0.5}};
  b.set_mean("entropy", 3.0, 4.0);
  a.join(b);
  CHECK(a.at("completions/max_length") == 9.0);
  CHECK(a.at("completions/failed") == 3.0);
  CHECK(a.at("entropy") == 1.0);  // 6 over 6 tokens, not the mean of 1.5 and 0.75
  CHECK(a.at("loss") == 0.5);
  Metrics least{{"sampling/importance_ratio/min", 0.5}};
  least.join({{"sampling/importance_ratio/min", 0.25}});
  CHECK(least.at("sampling/importance_ratio/min") == 0.25);
}

TEST_CASE("a figure alone keeps the bits that it was given", "[rl][metrics]") {
  Metrics metrics;
  metrics["grad_norm"] = 0.1;
  metrics["skipped_steps/empty"] += 1.0;
  CHECK(metrics.values() ==
        std::map<std::string, double>{{"grad_norm", 0.1}, {"skipped_steps/empty", 1.0}});
}

TEST_CASE("names with a rule or a number in them are known", "[rl][metrics]") {
  CHECK(find_metric("rewards/accuracy/mean") != nullptr);
  CHECK(find_metric("time/rewards/format") != nullptr);
  CHECK(find_metric("eval/pass@16") != nullptr);
  CHECK(find_metric("mtp/loss_1") != nullptr);
  CHECK(find_metric("eval/algebra/accuracy/low") == find_metric("eval/accuracy/low"));
  CHECK(find_metric("eval/algebra/rewards/format") != nullptr);
  CHECK(find_metric("eval/algebra/nothing") == nullptr);
  CHECK(find_metric("rewards/a/b/mean") == nullptr);
  CHECK(find_metric("rewards//mean") == nullptr);
  CHECK(find_metric("nothing") == nullptr);
}

TEST_CASE("docs/metrics.md names every figure and how parts of it become one", "[rl][metrics]") {
  std::ifstream file(std::string(GRADUS_SOURCE_DIR) + "/docs/metrics.md");
  const std::string docs{std::istreambuf_iterator<char>(file), {}};
  const char* words[] = {"mean", "sum", "max", "min"};
  std::string table;
  for (const MetricName& name : metric_names())
    table += "| `" + std::string(name.pattern) + "` | " +
             words[static_cast<size_t>(name.reduction)] + " |\n";
  INFO("the table of docs/metrics.md should be:\n" << table);
  CHECK(docs.find(table) != std::string::npos);
}
