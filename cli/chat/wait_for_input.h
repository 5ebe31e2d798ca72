#pragma once

#include <functional>
#include <stop_token>

namespace gradus::cli {

enum class Waited { input, interrupted, stopped };

/// Waits, in short turns, until standard input has bytes (or its end), Ctrl-C came, or the program
/// is asked to stop.
Waited wait_for_input(const std::stop_token& stop, const std::function<bool()>& take_interrupt);

}  // namespace gradus::cli
