#pragma once

namespace gradus::cli {

/// "0.1.0", from the project's CMakeLists.txt.
inline constexpr const char* kVersion = GRADUS_VERSION;

}  // namespace gradus::cli
