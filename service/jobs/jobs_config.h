#pragma once

#include "base/settings/setting.h"

namespace gradus::service {

/// Settings `serve.jobs.*`.
struct JobsConfig {
  int running = 1;
  int queued = 100;
  int threads = 0;
  int priority = 5;
  int checkpoints = 5;
  int keep_checkpoints = 10;
  int attempts = 10;
  double stop_s = 30.0;
  bool python_may_be_weak = false;
};

void describe(JobsConfig& c, SettingFields& field);

}  // namespace gradus::service
