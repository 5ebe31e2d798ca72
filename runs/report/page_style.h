#pragma once

namespace gradus::runs {

/// What the report's page carries inside itself, as it must open without a network.
extern const char* const kPageStyle;
extern const char* const kPageScript;

}  // namespace gradus::runs
