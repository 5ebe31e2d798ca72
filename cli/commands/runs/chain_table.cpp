#include "cli/commands/runs/chain_table.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "cli/text_table.h"

namespace gradus::cli {

std::string chain_text(const runs::ChainView& chain) {
  const auto cells = runs::chain_cells(chain);
  TextTable table(cells.front());
  for (size_t row = 1; row < cells.size(); ++row) table.add(cells[row]);
  std::string text = table.text();
  for (const auto& stage : chain.stages) {
    if (!stage.gate.empty() && stage.gate != "passed")
      text += fmt::format("\n{}: gate: {}", stage.name, printable(stage.gate));
    if (stage.rows.empty()) continue;
    text += fmt::format("\n{}: {} samples, {} kept", stage.name, stage.rows.at("input"),
                        stage.rows.at("kept"));
    for (const auto& [reason, count] : stage.rows)
      if (count > 0 && reason != "input" && reason != "kept")
        text += fmt::format(", {} {}", count, reason);
  }
  return text + "\n";
}

}  // namespace gradus::cli
