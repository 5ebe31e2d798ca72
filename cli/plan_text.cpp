#include "cli/plan_text.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "base/quantity.h"
#include "base/settings/setting.h"
#include "cli/text_table.h"
#include "rl/plan/plan_json.h"

namespace gradus::cli {
namespace {

std::string hours_text(double hours) {
  return hours >= 1000.0 ? fmt::format("{:.1f}K", hours / 1000.0) : fmt::format("{:.4g}", hours);
}

std::string money_of(const std::optional<double>& money) {
  return money ? fmt::format("{:.2f}", *money) : "-";
}

std::string main_table(const std::vector<rl::StagePlan>& plans) {
  TextTable table({"stage", "device-hours", "time", "a step", "tokens", "work", "FLOP/token",
                   "memory/device", "disk", "money", "limited by"});
  double hours = 0.0;
  double seconds = 0.0;
  double money = 0.0;
  bool has_money = false;
  for (const auto& plan : plans) {
    hours += plan.device_hours();
    seconds += plan.wall_s;
    has_money = has_money || plan.money.has_value();
    money += plan.money.value_or(0.0);
    table.add({printable(plan.name), hours_text(plan.device_hours()), duration_text(plan.wall_s),
               duration_text(plan.step_s), count_text(plan.sampled_tokens + plan.trained_tokens),
               flops_text(plan.flops), flops_text(plan.flops_per_token),
               bytes_text(plan.memory_per_device()), bytes_text(plan.disk_bytes),
               money_of(plan.money), plan.limited_by});
  }
  table.add({"Total", hours_text(hours), duration_text(seconds), "", "", "", "", "", "",
             has_money ? fmt::format("{:.2f}", money) : "-", ""});
  return table.text();
}

std::string parts_text(const std::vector<rl::StagePlan>& plans) {
  std::string text;
  for (const auto& plan : plans) {
    std::string line;
    for (const auto& [part, seconds] : plan.seconds)
      line += fmt::format("{}{} {}", line.empty() ? "" : ", ", part, duration_text(seconds));
    text += fmt::format("{}: {}\n", printable(plan.name), line.empty() ? "nothing" : line);
    line.clear();
    for (const auto& [part, bytes] : plan.memory)
      if (bytes > 0.0)
        line += fmt::format("{}{} {}", line.empty() ? "" : ", ", part, bytes_text(bytes));
    if (!line.empty()) text += "  memory: " + line + "\n";
    if (plan.bubble_share > 0.0)
      text += fmt::format("  pipeline bubble {}", share_text(plan.bubble_share)) + "\n";
    if (plan.all_to_all_bytes > 0.0)
      text += fmt::format("  expert traffic {} a token, {} of the network's rate\n",
                          bytes_text(plan.all_to_all_bytes), share_text(plan.network_share));
    for (const auto& assumption : plan.assumptions) text += "  " + assumption + "\n";
  }
  return text;
}

}  // namespace

std::string plan_text(const std::vector<rl::StagePlan>& plans, const rl::PlanBasis& basis) {
  return main_table(plans) + "\n" + parts_text(plans) + "\nassumptions (--assume name=value):\n" +
         to_toml(basis.assumptions) + "cluster (--cluster name=value,...):\n" +
         to_toml(basis.cluster);
}

std::string published_text(const std::vector<rl::PublishedRow>& rows,
                           const std::vector<rl::StagePlan>& plans) {
  TextTable table({"published", "device-hours", "planned", "ratio", "money"});
  double hours = 0.0;
  double planned = 0.0;
  double money = 0.0;
  for (const auto& row : rows) {
    const double plan = rl::planned_hours(row, plans);
    table.add({row.name, hours_text(row.device_hours), hours_text(plan),
               fmt::format("{:.3f}", plan / row.device_hours), fmt::format("{:.0f}", row.money)});
    hours += row.device_hours;
    planned += plan;
    money += row.money;
  }
  table.add({"Total", hours_text(hours), hours_text(planned),
             fmt::format("{:.3f}", planned / hours), fmt::format("{:.0f}", money)});
  return table.text();
}

std::string estimate_line(const rl::StagePlan& plan) {
  return fmt::format("{} a step, {} in all; memory {}, disk {}", duration_text(plan.step_s),
                     duration_text(plan.wall_s), bytes_text(plan.memory_per_device()),
                     bytes_text(plan.disk_bytes));
}

}  // namespace gradus::cli
