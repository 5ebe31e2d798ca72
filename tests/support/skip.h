#pragma once

#include <string>

namespace gradus::tests {

/// Says that the running test, or a part of it, cannot run here; the test then returns. `./run
/// test` counts these lines and gives their reasons at its end:
///
///   SKIPPED: <test name>: <reason>
///
/// @param reason  what is missing, short, the same for all tests that miss the same
void skip(const std::string& reason);

}  // namespace gradus::tests
