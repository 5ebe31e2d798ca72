#pragma once

#include <chrono>

namespace gradus::tests {

/// How long a test waits for what must not take for ever: `usual`, or ten times as long where
/// sanitizers slow everything down.
constexpr std::chrono::seconds patience(int usual) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::chrono::seconds(10 * usual);
#else
  return std::chrono::seconds(usual);
#endif
}

}  // namespace gradus::tests
