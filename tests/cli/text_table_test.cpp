#include "cli/text_table.h"

#include "tests/catch.h"

using namespace gradus::cli;

TEST_CASE("a table puts numbers to the right and leaves no blanks at line ends", "[cli][table]") {
  TextTable table({"name", "n"});
  table.add({"a", "5"});
  table.add({"bb", "12"});
  CHECK(table.text() == "name   n\na      5\nbb    12\n");
}
