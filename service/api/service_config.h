#pragma once

#include <string>
#include <vector>

#include "service/http/http_server.h"
#include "service/jobs/jobs_config.h"
#include "service/models/loaded_model.h"
#include "service/tinker/tinker_config.h"
#include "service/webhooks/webhooks_config.h"

namespace gradus::service {

/// The settings of `gradus serve`: a TOML file with the tables below, and `--set key=value`.
struct ServiceConfig {
  std::vector<std::string> allowed_hosts;
  std::string organization = "gradus";
  bool allow_plain_http = false;
  HttpLimits http;
  TlsConfig tls;
  ModelsConfig models;
  JobsConfig jobs;
  TinkerConfig tinker;
  WebhooksConfig webhooks;
};

void describe(ServiceConfig& c, SettingFields& field);

}  // namespace gradus::service
