#include "rl/plan/plan_json.h"

#include <algorithm>

namespace gradus::rl {
namespace {

using nlohmann::json;

json parts_json(const std::vector<std::pair<std::string, double>>& parts) {
  json object = json::object();
  for (const auto& [name, value] : parts) object[name] = value;
  return object;
}

json money_json(const std::optional<double>& money) {
  return money ? json(*money) : json(nullptr);
}

json stage_json(const StagePlan& plan) {
  return {{"name", plan.name},
          {"kind", plan.kind},
          {"device_seconds", plan.device_seconds()},
          {"wall_seconds", plan.wall_s},
          {"device_hours", plan.device_hours()},
          {"seconds_per_step", plan.step_s},
          {"seconds_by_part", parts_json(plan.seconds)},
          {"tokens", plan.sampled_tokens + plan.trained_tokens},
          {"sampled_tokens", plan.sampled_tokens},
          {"trained_tokens", plan.trained_tokens},
          {"flops", plan.flops},
          {"flops_per_token", plan.flops_per_token},
          {"money", money_json(plan.money)},
          {"memory_per_device", plan.memory_per_device()},
          {"memory_by_part", parts_json(plan.memory)},
          {"disk_bytes", plan.disk_bytes},
          {"limited_by", plan.limited_by},
          {"bubble_share", plan.bubble_share},
          {"all_to_all_bytes_per_token", plan.all_to_all_bytes},
          {"network_share", plan.network_share},
          {"assumptions", plan.assumptions}};
}

}  // namespace

json plan_json(const std::vector<StagePlan>& plans, const PlanBasis& basis) {
  json stages = json::array();
  StagePlan sum;
  double device_seconds = 0.0;
  double memory = 0.0;
  for (const StagePlan& plan : plans) {
    stages.push_back(stage_json(plan));
    device_seconds += plan.device_seconds();
    sum.wall_s += plan.wall_s;
    sum.sampled_tokens += plan.sampled_tokens;
    sum.trained_tokens += plan.trained_tokens;
    sum.flops += plan.flops;
    sum.disk_bytes += plan.disk_bytes;
    if (plan.money) sum.money = sum.money.value_or(0.0) + *plan.money;
    memory = std::max(memory, plan.memory_per_device());
  }
  const double tokens = sum.sampled_tokens + sum.trained_tokens;
  const json total{{"device_seconds", device_seconds},
                   {"wall_seconds", sum.wall_s},
                   {"device_hours", device_seconds / 3600.0},
                   {"tokens", tokens},
                   {"sampled_tokens", sum.sampled_tokens},
                   {"trained_tokens", sum.trained_tokens},
                   {"flops", sum.flops},
                   {"flops_per_token", tokens > 0.0 ? json(sum.flops / tokens) : json(nullptr)},
                   {"money", money_json(sum.money)},
                   {"memory_per_device", memory},
                   {"disk_bytes", sum.disk_bytes},
                   {"assumptions", settings_json(basis.assumptions)}};
  const json lost{{"device_seconds", 0.0},
                  {"wall_seconds", 0.0},
                  {"tokens", 0},
                  {"flops", 0.0},
                  {"money", sum.money ? json(0.0) : json(nullptr)}};
  return {{"stages", stages},
          {"total", total},
          {"lost", lost},
          {"assumptions", settings_json(basis.assumptions)},
          {"cluster", settings_json(basis.cluster)}};
}

double planned_hours(const PublishedRow& row, const std::vector<StagePlan>& plans) {
  double hours = 0.0;
  for (const StagePlan& plan : plans)
    if (std::ranges::find(row.stages, plan.name) != row.stages.end()) hours += plan.device_hours();
  return hours;
}

json published_json(const std::vector<PublishedRow>& rows, const std::vector<StagePlan>& plans) {
  json list = json::array();
  double hours = 0.0;
  double money = 0.0;
  double planned = 0.0;
  for (const PublishedRow& row : rows) {
    const double plan = planned_hours(row, plans);
    list.push_back({{"name", row.name},
                    {"stages", row.stages},
                    {"device_hours", row.device_hours},
                    {"money", row.money},
                    {"planned_device_hours", plan},
                    {"ratio", plan / row.device_hours}});
    hours += row.device_hours;
    money += row.money;
    planned += plan;
  }
  return {
      {"rows", list},
      {"total", {{"device_hours", hours}, {"money", money}, {"planned_device_hours", planned}}}};
}

}  // namespace gradus::rl
