#include "runs/cost/bill_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "base/quantity.h"
#include "runs/report/html_text.h"

namespace gradus::runs {
namespace {

using nlohmann::json;

json number_or_null(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json total_json(const rl::LedgerTotal& total, double peak) {
  return {{"device_seconds", total.device_seconds},
          {"wall_seconds", total.seconds},
          {"device_hours", total.device_seconds / 3600.0},
          {"tokens", total.tokens},
          {"sampled_tokens", total.sampled},
          {"trained_tokens", total.trained},
          {"graded_tokens", total.graded},
          {"flops", total.flops},
          {"counted_flops", total.counted_flops},
          {"utilisation", peak > 0.0 ? json(utilisation(total, peak)) : json(nullptr)},
          {"money", number_or_null(total.money)},
          {"joules", total.energy_wh ? json(*total.energy_wh * 3600.0) : json(nullptr)},
          {"joules_estimated", total.is_energy_estimated},
          {"peak_memory", total.peak_memory}};
}

json named_json(const std::string& name, const rl::LedgerTotal& total, double peak) {
  json object = total_json(total, peak);
  object["name"] = name;
  return object;
}

json lost_json(const Bill& bill, double peak) {
  rl::LedgerTotal repeated;
  rl::LedgerTotal killed;
  for (const StageBill& stage : bill.stages) {
    if (const auto part = stage.parts.find("lost"); part != stage.parts.end())
      repeated += part->second;
    if (const auto part = stage.parts.find("killed"); part != stage.parts.end())
      killed += part->second;
  }
  json object = total_json(bill.lost(), peak);
  object["repeated"] = total_json(repeated, peak);
  object["killed"] = total_json(killed, peak);
  object["replaced"] = total_json(bill.replaced, peak);
  object["between_stages"] = total_json(bill.between, peak);
  return object;
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

std::string csv_line(const std::string& name, const rl::LedgerTotal& total, double peak) {
  const auto optional = [](const std::optional<double>& value, double scale) {
    return value ? fmt::format("{}", *value * scale) : std::string();
  };
  return fmt::format("{},{},{},{},{},{},{},{},{},{},{},{}\n", csv_text(name), total.device_seconds,
                     total.seconds, total.tokens, total.sampled, total.trained, total.graded,
                     total.flops, peak > 0.0 ? fmt::format("{}", utilisation(total, peak)) : "",
                     optional(total.money, 1.0), optional(total.energy_wh, 3600.0),
                     total.peak_memory);
}

/// What a bar is made of, in its order, with the words and colours of the legend.
struct Slice {
  const char* part;
  const char* words;
  const char* colour;
};
constexpr std::array kSlices{
    Slice{"update", "update", "#2b6cb0"},         Slice{"rollout", "rollout", "#2f855a"},
    Slice{"rewards", "rewards", "#b7791f"},       Slice{"evaluate", "evaluation", "#6b46c1"},
    Slice{"load", "start-up", "#718096"},         Slice{"save", "checkpoints", "#4a5568"},
    Slice{"idle", "idle and reports", "#cbd5e0"}, Slice{"lost", "repeated", "#e53e3e"},
    Slice{"killed", "killed", "#742a2a"},         Slice{"graders", "grader devices", "#dd6b20"}};

/// The slice that shows a part; parts of other kinds of stages are their work.
size_t slice_of(const std::string& part) {
  for (size_t i = 0; i < kSlices.size(); ++i)
    if (part == kSlices[i].part) return i;
  return part == "report" ? 6 : 0;
}

constexpr double kBarLeft = 170.0;
constexpr double kBarWidth = 420.0;
constexpr double kRowHeight = 26.0;
constexpr double kPictureWidth = 720.0;

std::string bar_svg(const StageBill& stage, double most, double y) {
  std::array<double, kSlices.size()> seconds{};
  for (const auto& [part, total] : stage.parts) seconds[slice_of(part)] += total.device_seconds;
  std::string svg =
      fmt::format(R"(<text x="{}" y="{}" text-anchor="end" fill="currentColor">{}</text>)",
                  kBarLeft - 8, y + 15, html_text(stage.name));
  double x = kBarLeft;
  double sum = 0.0;
  for (size_t i = 0; i < kSlices.size(); ++i) {
    if (seconds[i] <= 0.0) continue;
    const double width = kBarWidth * seconds[i] / most;
    svg += fmt::format(
        R"(<rect x="{:.1f}" y="{}" width="{:.1f}" height="18" fill="{}"><title>{}: {}</title></rect>)",
        x, y, width, kSlices[i].colour, kSlices[i].words, duration_text(seconds[i]));
    x += width;
    sum += seconds[i];
  }
  return svg +
         fmt::format(R"(<text x="{:.1f}" y="{}" fill="currentColor">{}</text>)", x + 6, y + 15,
                     duration_text(sum)) +
         "\n";
}

std::string legend_svg(const Bill& bill, double y) {
  std::array<bool, kSlices.size()> is_used{};
  for (const StageBill& stage : bill.stages)
    for (const auto& [part, total] : stage.parts)
      if (total.device_seconds > 0.0) is_used[slice_of(part)] = true;
  std::string svg;
  double x = 10.0;
  for (size_t i = 0; i < kSlices.size(); ++i) {
    if (!is_used[i]) continue;
    const double width =
        24.0 + 7.0 * static_cast<double>(std::string_view(kSlices[i].words).size());
    if (x + width > kPictureWidth) {
      x = 10.0;
      y += 18.0;
    }
    svg += fmt::format(
        R"(<rect x="{0:.0f}" y="{1:.0f}" width="11" height="11" fill="{2}"/><text x="{3:.0f}" y="{4:.0f}" fill="currentColor">{5}</text>)",
        x, y, kSlices[i].colour, x + 15.0, y + 10.0, kSlices[i].words);
    x += width;
  }
  return svg;
}

}  // namespace

double utilisation(const rl::LedgerTotal& total, double peak) {
  const double possible = total.device_seconds * peak;
  return possible > 0.0 ? total.flops / possible : 0.0;
}

json bill_json(const Bill& bill, double peak) {
  json stages = json::array();
  for (const StageBill& stage : bill.stages) {
    json object = named_json(stage.name, stage.work(), peak);
    object["kind"] = stage.kind;
    object["lost_device_seconds"] = stage.lost().device_seconds;
    object["parts"] = json::object();
    for (const auto& [part, total] : stage.parts) object["parts"][part] = total_json(total, peak);
    stages.push_back(std::move(object));
  }
  json rows = json::array();
  for (const BillRow& row : bill.rows()) rows.push_back(named_json(row.name, row.total, peak));
  return {{"stages", stages},
          {"total", total_json(bill.total(), peak)},
          {"lost", lost_json(bill, peak)},
          {"rows", rows},
          {"currency", bill.currency},
          {"device_peak_flops", peak > 0.0 ? json(peak) : json(nullptr)}};
}

std::string bill_csv(const Bill& bill, double peak) {
  std::string csv =
      "name,device_seconds,wall_seconds,tokens,sampled_tokens,trained_tokens,graded_tokens,flops,"
      "utilisation,money,joules,peak_memory\n";
  for (const BillRow& row : bill.rows()) csv += csv_line(row.name, row.total, peak);
  return csv + csv_line("Total", bill.total(), peak);
}

std::string bill_picture(const Bill& bill) {
  double most = 0.0;
  for (const StageBill& stage : bill.stages)
    most = std::max(most, stage.work().device_seconds + stage.lost().device_seconds);
  if (most <= 0.0) return "";
  std::string bars;
  double y = 8.0;
  for (const StageBill& stage : bill.stages) {
    bars += bar_svg(stage, most, y);
    y += kRowHeight;
  }
  const double height = y + 44.0;
  return fmt::format(
      "<figure><figcaption>Device time by stage</figcaption>\n<svg viewBox=\"0 0 {:.0f} {:.0f}\" "
      "role=\"img\" font-size=\"12\" font-family=\"inherit\">\n{}{}\n</svg></figure>\n",
      kPictureWidth, height, bars, legend_svg(bill, y + 6.0));
}

}  // namespace gradus::runs
