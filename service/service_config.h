#pragma once

#include <string>
#include <vector>

#include "service/http/http_server.h"
#include "service/models/loaded_model.h"

namespace gradus::service {

/// Settings `serve.jobs.*`.
struct JobsConfig {
  int running = 1;
  int queued = 100;
  int threads = 0;
  int priority = 5;
  int checkpoints = 5;
  int keep_checkpoints = 10;
  int attempts = 5;
  double stop_s = 30.0;
  bool python_may_be_weak = false;
};

void describe(JobsConfig& c, SettingFields& field);

/// The settings of `gradus serve`: a TOML file with the tables below, and `--set key=value`.
struct ServiceConfig {
  std::vector<std::string> allowed_hosts;
  std::string organization = "gradus";
  bool allow_plain_http = false;
  HttpLimits http;
  TlsConfig tls;
  ModelsConfig models;
  JobsConfig jobs;
};

void describe(ServiceConfig& c, SettingFields& field);

}  // namespace gradus::service
