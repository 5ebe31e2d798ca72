#include "rl/plan/device_kind.h"

namespace gradus::rl {
namespace {

// Makers' data sheets. H800: its links are cut; 160 GB/s of NVLink is what DeepSeek-V3's report
// (arXiv:2412.19437, 3.1) found usable. One 400 Gbit/s adapter per device is assumed for the
// network, 200 of A100's day.
constexpr DeviceKind kH800{
    "h800", "NVIDIA H800 SXM 80 GB", 989e12, 1979e12, 3.35e12, 80e9, 160e9, 50e9, 700.0, 2.0};
constexpr DeviceKind kH100{
    "h100", "NVIDIA H100 SXM 80 GB", 989e12, 1979e12, 3.35e12, 80e9, 450e9, 50e9, 700.0, 0.0};
constexpr DeviceKind kH200{
    "h200", "NVIDIA H200 SXM 141 GB", 989e12, 1979e12, 4.8e12, 141e9, 450e9, 50e9, 700.0, 0.0};
constexpr DeviceKind kA100{
    "a100", "NVIDIA A100 SXM 80 GB", 312e12, 312e12, 2.039e12, 80e9, 300e9, 25e9, 400.0, 0.0};
constexpr DeviceKind kB200{
    "b200", "NVIDIA B200 SXM 180 GB", 2250e12, 4500e12, 7.7e12, 180e9, 900e9, 50e9, 1000.0, 0.0};
constexpr DeviceKind kMi300x{
    "mi300x", "AMD MI300X 192 GB", 1307e12, 2615e12, 5.3e12, 192e9, 448e9, 50e9, 750.0, 0.0};

}  // namespace

const Registry<DeviceKind>& device_kinds() {
  static constexpr const DeviceKind* kAll[] = {&kH800, &kH100, &kH200, &kA100, &kB200, &kMi300x};
  static constexpr Registry<DeviceKind> kRegistry("cluster.kind", kAll);
  return kRegistry;
}

}  // namespace gradus::rl
