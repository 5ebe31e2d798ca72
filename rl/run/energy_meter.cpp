#include "rl/run/energy_meter.h"

#include <dlfcn.h>

#include <fstream>
#include <optional>
#include <system_error>

#include "base/process/own_process.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

std::optional<double> number_in(const fs::path& path) {
  std::ifstream file(path);
  double value = 0.0;
  if (!(file >> value)) return std::nullopt;
  return value;
}

std::string word_in(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

/// Packages, and memory that no package's counter includes; not a package's parts (core, uncore),
/// nor "psys", which is all of them again.
bool is_counted(const std::string& name) {
  return name.starts_with("package") || name == "dram";
}

}  // namespace

/// NVML as it is needed here, found when the program runs: it comes with the driver alone.
struct EnergyMeter::Gpus {
  using Device = void*;

  ~Gpus() {
    if (library == nullptr) return;
    if (shutdown != nullptr) shutdown();
    ::dlclose(library);
  }

  /// False: there is no GPU whose counter can be read.
  bool open() {
    library = ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return false;
    const auto init = find<int (*)()>("nvmlInit_v2");
    const auto count_of = find<int (*)(unsigned*)>("nvmlDeviceGetCount_v2");
    const auto device_of = find<int (*)(unsigned, Device*)>("nvmlDeviceGetHandleByIndex_v2");
    energy = find<int (*)(Device, unsigned long long*)>("nvmlDeviceGetTotalEnergyConsumption");
    if (init == nullptr || count_of == nullptr || device_of == nullptr || energy == nullptr ||
        init() != 0)
      return false;
    shutdown = find<int (*)()>("nvmlShutdown");
    unsigned count = 0;
    if (count_of(&count) != 0) return false;
    for (unsigned i = 0; i < count; ++i) {
      Device device = nullptr;
      unsigned long long millijoules = 0;
      if (device_of(i, &device) == 0 && energy(device, &millijoules) == 0)
        devices.push_back(device);
    }
    begin = joules();
    return !devices.empty();
  }

  double joules() const {
    double sum = 0.0;
    for (const Device device : devices) {
      unsigned long long millijoules = 0;
      if (energy(device, &millijoules) == 0) sum += static_cast<double>(millijoules) * 1e-3;
    }
    return sum;
  }

  template <class Function>
  Function find(const char* name) const {
    return reinterpret_cast<Function>(::dlsym(library, name));
  }

  void* library = nullptr;
  int (*shutdown)() = nullptr;
  int (*energy)(Device, unsigned long long*) = nullptr;
  std::vector<Device> devices;
  double begin = 0.0;
};

EnergyMeter::EnergyMeter(const fs::path& powercap) : cpu_begin_s_(cpu_seconds()) {
  std::error_code missing;
  for (const auto& entry : fs::directory_iterator(powercap, missing)) {
    const std::string zone = entry.path().filename().string();
    if (!zone.starts_with("intel-rapl:") || !is_counted(word_in(entry.path() / "name"))) continue;
    const auto now = number_in(entry.path() / "energy_uj");
    const auto range = number_in(entry.path() / "max_energy_range_uj");
    if (now && range) zones_.push_back({entry.path() / "energy_uj", *range, *now, 0.0});
  }
  auto gpus = std::make_unique<Gpus>();
  if (gpus->open()) gpus_ = std::move(gpus);
}

EnergyMeter::~EnergyMeter() = default;

double EnergyMeter::joules() {
  if (!is_measured()) return (cpu_seconds() - cpu_begin_s_) * kWattsPerThread;
  double sum = 0.0;
  for (Zone& zone : zones_) {
    const double now = number_in(zone.counter).value_or(zone.last);
    zone.sum += now >= zone.last ? now - zone.last : now + zone.range - zone.last;
    zone.last = now;
    sum += zone.sum * 1e-6;
  }
  return gpus_ == nullptr ? sum : sum + gpus_->joules() - gpus_->begin;
}

std::string EnergyMeter::source() const {
  if (!is_measured()) return "estimated";
  if (gpus_ == nullptr) return "rapl";
  return zones_.empty() ? "nvml" : "rapl+nvml";
}

}  // namespace gradus::rl
