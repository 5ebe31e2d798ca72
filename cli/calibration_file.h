#pragma once

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "rl/recipe/calibration.h"

namespace gradus::cli {

/// Where measured rates are kept: `path`, or where that is empty gradus/calibration.json in the
/// user's cache folder ($XDG_CACHE_HOME, else $HOME/.cache); empty where there is none.
std::filesystem::path calibration_path(const std::string& path);

/// This machine's rates, measured now and kept where the file does not hold them.
rl::DeviceRates device_rates(rl::Calibration& calibration, int threads, const Clock& clock);

}  // namespace gradus::cli
