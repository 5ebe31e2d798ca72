#include "tests/support/fixtures.h"

#include <stdexcept>

namespace gradus::tests {
namespace fs = std::filesystem;

const std::vector<fs::path>& fixture_roots() {
  static const std::vector<fs::path> roots = [] {
    std::vector<fs::path> found{fs::path(GRADUS_SOURCE_DIR) / "tests" / "fixtures"};
    const fs::path shared(GRADUS_SHARED_DIR);
    if (fs::exists(shared)) found.push_back(shared);
    return found;
  }();
  return roots;
}

fs::path fixture(const fs::path& path) {
  fs::path found = fixture_roots().front() / path;
  if (!fs::exists(found)) throw std::runtime_error("no fixture at " + found.string());
  return found;
}

std::vector<fs::path> fixtures(const fs::path& path) {
  std::vector<fs::path> found{fixture(path)};
  for (size_t i = 1; i < fixture_roots().size(); ++i) {
    if (fs::exists(fixture_roots()[i] / path)) found.push_back(fixture_roots()[i] / path);
  }
  return found;
}

}  // namespace gradus::tests
