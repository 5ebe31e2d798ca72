#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runs/cost/bill.h"

namespace gradus::runs {

/// {"stages": [{"name", "device_seconds", "wall_seconds", "tokens", "flops", "money", ...}],
/// "total": {...}, "lost": {...}, "rows": [...]}; docs/cost.md lists every key. Stages are without
/// what was lost: stages and lost sum up to the total.
/// @param peak  FLOP/s of the device, measured, for utilisations; 0: not known.
nlohmann::json bill_json(const Bill& bill, double peak);

/// The table's rows and the total, one a line, below a line of names.
std::string bill_csv(const Bill& bill, double peak);

/// FLOPs per device-second over the device's peak; 0 where either is not known.
double utilisation(const rl::LedgerTotal& total, double peak);

/// A <figure> with inline SVG: device-seconds of every stage, by what they went into; empty where
/// nothing took time.
std::string bill_picture(const Bill& bill);

}  // namespace gradus::runs
