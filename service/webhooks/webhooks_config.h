#pragma once

#include <string>
#include <vector>

#include "base/settings/setting.h"

namespace gradus::service {

/// Settings `serve.webhooks.*`: whom the server tells that a job has ended.
struct WebhooksConfig {
  std::string url;
  std::string secret_file;
  std::vector<std::string> networks;
  std::string ca_file;
  double timeout_s = 10.0;
  double give_up_h = 72.0;
};

void describe(WebhooksConfig& c, SettingFields& field);

}  // namespace gradus::service
