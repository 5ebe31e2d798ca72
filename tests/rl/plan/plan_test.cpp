#include <nlohmann/json.hpp>

#include "base/error.h"
#include "rl/learn/flops.h"
#include "rl/learn/work_model.h"
#include "rl/plan/cluster_plan.h"
#include "rl/plan/plan_json.h"
#include "rl/plan/published.h"
#include "tests/catch.h"

namespace gradus::rl {
namespace {

std::vector<StagePlan> plans_of(const PublishedRun& run, const PlanAssumptions& assumptions = {}) {
  PlanBasis basis;
  basis.cluster = parse_cluster(run.cluster);
  basis.assumptions = assumptions;
  std::vector<StagePlan> plans;
  for (const auto& stage : run.stages()) plans.push_back(plan_stage(stage, basis));
  return plans;
}

}  // namespace

TEST_CASE("the plan of DeepSeek-V3 is its published bill", "[rl][plan]") {
  const PublishedRun& run = published_runs().at("deepseek-v3");
  const auto plans = plans_of(run);
  double money = 0.0;
  for (const auto& plan : plans) money += *plan.money;
  CHECK(money == Approx(5.576e6).epsilon(0.10));
  for (const auto& row : run.bill()) {
    INFO(row.name);
    CHECK(planned_hours(row, plans) == Approx(row.device_hours).epsilon(0.10));
  }
  CHECK(plans.front().flops_per_token == Approx(250.5e9).epsilon(0.01));
  CHECK(plans[1].flops_per_token == Approx(465e9).epsilon(0.01));
  CHECK(plans[2].flops_per_token == Approx(1202e9).epsilon(0.01));
  // 1,543 tokens a second and device, of which three quarters leave the node: 11.6 of 50 GB/s.
  CHECK(plans.front().all_to_all_bytes == Approx(10e6).epsilon(0.01));
  CHECK(plans.front().network_share == Approx(11.6 / 50.0).epsilon(0.02));
  CHECK(plans.front().step_s == Approx(19.9).epsilon(0.02));
}

TEST_CASE("the memory of a device of DeepSeek-V3's cluster is cut as the cluster is",
          "[rl][plan]") {
  const auto plans = plans_of(published_runs().at("deepseek-v3"));
  const auto part = [&](const std::string& name) {
    for (const auto& [found, bytes] : plans.front().memory)
      if (found == name) return bytes;
    return 0.0;
  };
  const auto [experts, others] = expert_and_other_parameters(deepseek_v3());
  CHECK(experts == Approx(653.9e9).epsilon(0.001));
  CHECK(others == Approx(17.1e9).epsilon(0.01));
  CHECK(part("weights") == Approx(2.0 * 3.4e9).epsilon(0.02));
  CHECK(part("gradients") == Approx(6.8e9).epsilon(0.02));
  CHECK(part("optimizer") == Approx(2.6e9).epsilon(0.03));
  CHECK(plans.front().memory_per_device() < 80e9);
}

TEST_CASE("the pipeline's bubble follows from its schedule", "[rl][plan]") {
  Cluster cluster = parse_cluster("devices=16,kind=h800,pp=16");
  // 1F1B of 120 micro-batches: 15 * 3 / (15 * 3 + 120 * 3).
  CHECK(bubble_share(cluster, 120.0) == Approx(45.0 / 405.0));
  cluster.dualpipe = true;
  // DualPipe: 7 * (3 + 2 - 3) = 14 beside 60 micro-batches of a direction.
  CHECK(bubble_share(cluster, 120.0) == Approx(14.0 / 194.0));
  CHECK(bubble_share(parse_cluster("devices=8,kind=h100"), 120.0) == 0.0);
}

TEST_CASE("DeepSeek-R1's stages are planned beside its bill, with what is assumed", "[rl][plan]") {
  const PublishedRun& run = published_runs().at("deepseek-r1");
  const auto plans = plans_of(run);
  double published = 0.0;
  double planned = 0.0;
  for (const auto& row : run.bill()) {
    published += row.device_hours;
    planned += planned_hours(row, plans);
  }
  CHECK(published == 147e3);
  CHECK(planned > 0.3 * published);
  CHECK(planned < 3.0 * published);
  CHECK(plans.front().assumptions.front().find("1000 to 9700") != std::string::npos);
  CHECK(plans.front().limited_by == "tail");
}

TEST_CASE("an assumption changes the plan, and one that is unknown is refused", "[rl][plan]") {
  PlanAssumptions assumptions;
  apply_set(assumptions, "mfu=0.195");
  const PublishedRun& run = published_runs().at("deepseek-v3");
  const auto usual = plans_of(run);
  const auto half = plans_of(run, assumptions);
  CHECK(half.front().wall_s == Approx(2.0 * usual.front().wall_s));
  CHECK_THROWS_AS(apply_set(assumptions, "mfuu=0.2"), ConfigError);
  CHECK_THROWS_AS(parse_cluster("devices=10,kind=h800,pp=4"), ConfigError);
  CHECK_THROWS_AS(parse_cluster("devices=8,kind=h9000"), ConfigError);
}

TEST_CASE("a plan's JSON has a bill's keys and its own", "[rl][plan]") {
  const PublishedRun& run = published_runs().at("deepseek-v3");
  PlanBasis basis;
  basis.cluster = parse_cluster(run.cluster);
  const auto plans = plans_of(run);
  const auto json = plan_json(plans, basis);
  for (const char* key :
       {"name", "device_seconds", "wall_seconds", "tokens", "flops", "money", "device_hours",
        "flops_per_token", "memory_per_device", "disk_bytes", "assumptions"}) {
    INFO(key);
    CHECK(json["stages"][0].contains(key));
    if (std::string(key) != "name") CHECK(json["total"].contains(key));
  }
  CHECK(json.contains("lost"));
  CHECK(published_json(run.bill(), plans)["rows"].size() == 3);
}

TEST_CASE("work counts scored rows alone for the head, and absorbed latents in decoding",
          "[rl][work]") {
  const auto model = deepseek_v3();
  policy::PolicyConfig policy;
  const WorkModel work(model, policy);
  CHECK(work.forward(0, 100, 100) == Approx(forward_flops(model, 0, 100)).epsilon(1e-9));
  CHECK(work.forward(0, 100, 100) - work.forward(0, 100, 0) ==
        Approx(100.0 * 2.0 * 7168.0 * 129280.0));
  const double absorbed = 2.0 * 128.0 * (2.0 * 512.0 + 64.0) * 61.0;
  const double expanded = 2.0 * 128.0 * (192.0 + 128.0) * 61.0;
  CHECK(work.decode(999, 1, 0) - work.forward(999, 1, 0) == Approx(1000.0 * (absorbed - expanded)));
  policy.activation_checkpointing = true;
  const WorkModel again(model, policy);
  CHECK(again.training(0, 64, 64) - work.training(0, 64, 64) == Approx(work.forward(0, 64, 0)));
}

}  // namespace gradus::rl
