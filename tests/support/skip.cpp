#include "tests/support/skip.h"

#include <cstdio>

#include "tests/catch.h"

namespace gradus::tests {

void skip(const std::string& reason) {
  const std::string name = Catch::getResultCapture().getCurrentTestName();
  std::printf("SKIPPED: %s: %s\n", name.c_str(), reason.c_str());
  std::fflush(stdout);
}

}  // namespace gradus::tests
