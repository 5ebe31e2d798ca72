#pragma once

#include "base/settings/setting.h"

namespace gradus::service {

/// Settings `serve.tinker.*`: training sessions that clients drive themselves.
struct TinkerConfig {
  int workers = 2;
  int models = 256;
  int requests = 4096;
  int samples = 4096;
  int max_rank = 128;
  double poll_s = 30.0;
  double session_s = 600.0;
  double snapshot_s = 10.0;
  double idle_s = 300.0;
  double keep_s = 600.0;
};

void describe(TinkerConfig& c, SettingFields& field);

}  // namespace gradus::service
