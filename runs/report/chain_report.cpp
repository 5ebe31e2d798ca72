#include "runs/report/chain_report.h"

#include <fmt/format.h>

#include "base/clock.h"
#include "base/files/atomic_file.h"
#include "base/quantity.h"
#include "base/version.h"
#include "runs/chain_view.h"
#include "runs/cost/bill.h"
#include "runs/cost/bill_format.h"
#include "runs/report/html_text.h"
#include "runs/report/page_style.h"
#include "runs/report/report.h"
#include "runs/run_view.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;

std::string table_html(const std::vector<std::vector<std::string>>& cells) {
  std::string html = "<div class=\"wide\"><table>\n";
  for (size_t row = 0; row < cells.size(); ++row) {
    html += "<tr>";
    for (const std::string& cell : cells[row])
      html += fmt::format("<{0}>{1}</{0}>", row == 0 ? "th" : "td", html_text(cell));
    html += "</tr>\n";
  }
  return html + "</table></div>\n";
}

std::string rows_html(const StageView& stage) {
  std::vector<std::vector<std::string>> cells{{"rows", "count"}};
  for (const char* name : {"input", "kept"})
    cells.push_back({name, std::to_string(stage.rows.at(name))});
  for (const auto& [reason, count] : stage.rows)
    if (reason != "input" && reason != "kept")
      cells.push_back({"left out: " + reason, std::to_string(count)});
  return table_html(cells);
}

std::string stage_html(const ChainView& chain, const StageView& stage) {
  std::string html = fmt::format("<section><h2>{} ({})</h2>\n", html_text(stage.name),
                                 html_text(stage.kind.empty() ? "waiting" : stage.kind));
  if (!stage.began.empty())
    html += fmt::format("<p>{}: {} to {}</p>\n", html_text(stage.state), html_text(stage.began),
                        html_text(stage.ended.empty() ? "now" : stage.ended));
  if (!stage.gate.empty()) html += fmt::format("<p>Gate: {}</p>\n", html_text(stage.gate));
  if (!stage.rows.empty()) html += rows_html(stage);
  if (is_run(stage.path)) {
    const auto report = fs::relative(write_report(stage.path), chain.path).string();
    html += fmt::format("<p><a href=\"{0}\">{0}</a></p>\n", html_text(report));
  }
  return html + "</section>\n";
}

std::string bill_html(const Bill& bill) {
  std::vector<std::vector<std::string>> cells{
      {"row", "device-hours", "time", "tokens", "work", "energy (Wh)", "money"}};
  auto rows = bill.rows();
  rows.push_back({"Total", bill.total()});
  for (const auto& [name, total] : rows)
    cells.push_back({name, fmt::format("{:.4f}", total.device_seconds / 3600.0),
                     duration_text(total.seconds), count_text(static_cast<double>(total.tokens)),
                     flops_text(total.flops),
                     total.energy_wh ? short_number(*total.energy_wh) : "-",
                     total.money ? fmt::format("{:.4f}", *total.money) : "-"});
  return "<section><h2>What it cost</h2>\n" + table_html(cells) + bill_picture(bill) +
         "</section>\n";
}

}  // namespace

fs::path write_chain_report(const fs::path& path) {
  const ChainView chain = read_chain(path);
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>{1}\n.wide {{ overflow-x: auto; }}</style></head><body>\n"
      "<h1>{0}</h1>\n",
      html_text(chain.name), kPageStyle);
  html += "<section><h2>Stages</h2>\n" + table_html(chain_cells(chain));
  html +=
      "<p>Accuracy with its 95 % interval, by the same problems, rules and extractor for every "
      "stage. Device-hours are reserved devices times wall time.</p></section>\n";
  html += bill_html(read_bill(path));
  for (const StageView& stage : chain.stages) html += stage_html(chain, stage);
  html += fmt::format("<footer>gradus {}, {}</footer></body></html>\n", kVersion, utc_now());
  const fs::path report = path / "report.html";
  write_file_atomically(report, html);
  return report;
}

}  // namespace gradus::runs
