#include "cli/calibration_file.h"

#include <cstdlib>

#include "base/error.h"

namespace gradus::cli {

namespace fs = std::filesystem;

fs::path calibration_path(const std::string& path) {
  if (!path.empty()) return path;
  for (const auto& [variable, below] :
       {std::pair{"XDG_CACHE_HOME", "gradus"}, std::pair{"HOME", ".cache/gradus"}})
    if (const char* folder = std::getenv(variable); folder != nullptr && *folder != '\0')
      return fs::path(folder) / below / "calibration.json";
  return {};
}

rl::DeviceRates device_rates(rl::Calibration& calibration, int threads, const Clock& clock) {
  if (const auto known = calibration.device(threads)) return *known;
  const rl::DeviceRates rates = rl::measure_device(threads, clock);
  try {
    calibration.keep(threads, rates);
  } catch (const FileError&) {  // measured again the next time
  }
  return rates;
}

}  // namespace gradus::cli
