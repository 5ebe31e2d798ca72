// Inside service/: parts without an arrow back.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace {

namespace fs = std::filesystem;

/// Each may include those before it; docs/architecture.md says what each holds.
const std::vector<std::string> kServiceParts{"http",   "store",    "grammar", "models", "training",
                                             "tinker", "webhooks", "jobs",    "api",    "web"};

/// Files of the room itself stand above all parts.
size_t part_of(const std::string& path) {
  const std::string rest = path.substr(path.find('/') + 1);
  const auto part = std::ranges::find(kServiceParts, rest.substr(0, rest.find('/')));
  return static_cast<size_t>(part - kServiceParts.begin());
}

}  // namespace

TEST_CASE("parts of service/ include those before them alone", "[architecture][service]") {
  static const std::regex pattern(R"re(^\s*#\s*include\s*"(service/[^"]+)")re");
  const fs::path root = GRADUS_SOURCE_DIR;
  int checked = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root / "service")) {
    const auto suffix = entry.path().extension();
    if (suffix != ".h" && suffix != ".cpp") continue;
    const std::string file = entry.path().lexically_relative(root).generic_string();
    std::ifstream in(entry.path());
    for (std::string line; std::getline(in, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, pattern)) continue;
      ++checked;
      if (part_of(match[1].str()) > part_of(file))
        FAIL_CHECK(file << " includes " << match[1].str());
    }
  }
  CHECK(checked > 50);
}
