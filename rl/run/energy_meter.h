#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace gradus::rl {

/// Energy that the machine's devices draw.
///
///   measured   RAPL: the packages' and memories' counters below /sys/class/powercap (readable by
///              root since Linux 5.10), which wrap around; and NVML's counters of every GPU, where
///              the driver's library is there (libnvidia-ml.so.1)
///   estimated  where neither can be read: computing seconds of this process's threads times
///              kWattsPerThread, a figure of servers (350 W over 48 threads, and a third for
///              memory, fans and supply)
class EnergyMeter {
 public:
  static constexpr double kWattsPerThread = 10.0;

  /// @param powercap  where RAPL's zones are.
  explicit EnergyMeter(const std::filesystem::path& powercap = "/sys/class/powercap");
  ~EnergyMeter();
  EnergyMeter(const EnergyMeter&) = delete;
  EnergyMeter& operator=(const EnergyMeter&) = delete;

  /// Joules since the meter was made. Must be asked at least once an hour, before a counter wraps
  /// twice.
  double joules();
  bool is_measured() const { return !zones_.empty() || gpus_ != nullptr; }
  /// "rapl", "nvml", "rapl+nvml" or "estimated".
  std::string source() const;

 private:
  struct Zone {
    std::filesystem::path counter;
    double range = 0.0;  ///< microjoules at which it begins anew
    double last = 0.0;
    double sum = 0.0;
  };
  struct Gpus;

  std::vector<Zone> zones_;
  std::unique_ptr<Gpus> gpus_;
  double cpu_begin_s_ = 0.0;
};

}  // namespace gradus::rl
