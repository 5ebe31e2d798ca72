#pragma once

#include <string>
#include <vector>

namespace gradus::cli {

/// Columns of text for a terminal or a log: names above, cells padded, numbers to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> columns);

  /// As many cells as there are columns.
  void add(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first one holds the columns' names
};

}  // namespace gradus::cli
