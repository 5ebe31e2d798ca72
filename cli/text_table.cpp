#include "cli/text_table.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "base/printable.h"
#include "base/utf8.h"

namespace gradus::cli {
namespace {

bool reads_as_number(const std::string& cell) {
  const auto first = cell.find_first_not_of("+-");
  return cell == "-" || (first != std::string::npos && cell[first] >= '0' && cell[first] <= '9');
}

size_t width_of(const std::string& cell) {
  return static_cast<size_t>(num_code_points(cell));
}

}  // namespace

TextTable::TextTable(std::vector<std::string> columns) {
  rows_.push_back(std::move(columns));
}

void TextTable::add(std::vector<std::string> cells) {
  assert(cells.size() == rows_.front().size());
  // A cell is one line, whatever it quotes.
  for (auto& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string TextTable::text() const {
  const size_t columns = rows_.front().size();
  std::vector<size_t> widths(columns, 0);
  std::vector<bool> is_number(columns, rows_.size() > 1);
  for (size_t r = 0; r < rows_.size(); ++r) {
    for (size_t c = 0; c < columns; ++c) {
      widths[c] = std::max(widths[c], width_of(rows_[r][c]));
      if (r > 0 && !rows_[r][c].empty() && !reads_as_number(rows_[r][c])) is_number[c] = false;
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t c = 0; c < columns; ++c) {
      const std::string padding(widths[c] - width_of(row[c]), ' ');
      line += is_number[c] ? padding + row[c] : row[c] + padding;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace gradus::cli
