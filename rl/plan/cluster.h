#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/settings/setting.h"

namespace gradus::rl {

/// Name of the machine that plans, beside those of device_kinds().
inline constexpr std::string_view kThisMachine = "this";

/// On what a recipe is to run: `--cluster devices=2048,kind=h800,pp=16,ep=64,zero=1`.
struct Cluster {
  std::string kind{kThisMachine};
  int64_t devices = 1;
  int64_t per_node = 8;
  int64_t pp = 1;
  int64_t ep = 1;
  int64_t tp = 1;
  int64_t zero = 3;
  bool dualpipe = false;
  double price = -1.0;

  bool is_this() const { return kind == kThisMachine; }
};

void describe(Cluster& c, SettingFields& field);

/// Reads "devices=8,kind=h100".
/// @throws ConfigError  an unknown name or kind; parts that do not divide the devices.
Cluster parse_cluster(std::string_view text);

/// What a plan takes for granted; every one can be set: `--assume mfu=0.39`.
struct PlanAssumptions {
  double mfu = 0.39;
  double mfu_long = 0.25;
  double mfu_post = 0.30;
  double mfu_decode = 0.14;
  double tokens_per_s_user = 25.0;
  double tail = 4.0;
  double decode_bandwidth = 0.6;
  double sync_s = 10.0;
  double rewards_s = 0.0;
  double activation_factor = 10.0;
  double optimizer_bytes = 8.0;
  double gradient_bytes = 4.0;
  double overhead = 0.10;
  double micro_batch_tokens = 4096.0;
  double remote_share = 0.75;
  double nodes_per_token = 4.0;
  double length_share = 0.5;
  double prompt_tokens = 64.0;
  double update_efficiency = 0.35;
  double rollout_efficiency = 0.08;
};

void describe(PlanAssumptions& c, SettingFields& field);

}  // namespace gradus::rl
