#pragma once

#include <string_view>

#include "base/settings/registry.h"

namespace gradus::rl {

/// What a device can do at its best, from its makers' data sheets (dense products, no sparsity).
struct DeviceKind {
  std::string_view name;
  std::string_view text;
  double bf16 = 0.0;         ///< FLOP/s
  double fp8 = 0.0;          ///< FLOP/s; that of bf16 where it has no such units
  double memory_rate = 0.0;  ///< bytes a second
  double memory = 0.0;       ///< bytes
  double link = 0.0;         ///< bytes a second to devices of the same node, one way
  double network = 0.0;      ///< bytes a second to other nodes, per device, one way
  double watts = 0.0;
  double price = 0.0;  ///< an hour, in USD: what DeepSeek-V3's report assumes; 0: none is assumed
};

/// "this" is not among them: it is the machine that plans, as it was measured.
const Registry<DeviceKind>& device_kinds();

}  // namespace gradus::rl
