#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "service/api/service_config.h"
#include "service/http/http_server.h"

namespace gradus::service {

class Store;
class KeyStore;
class FileStore;
class ModelHost;
class JobService;
class JobStore;
class EventStreams;
class GraderDesk;
class ServiceMetrics;
class TinkerService;
class LoginStore;
class RunShelf;

/// What handlers work with; all outlive the requests.
struct ServiceParts {
  const ServiceConfig& config;
  std::filesystem::path data_dir;
  Store& store;
  KeyStore& keys;
  FileStore& files;
  ModelHost& models;
  JobStore& job_store;
  JobService& jobs;
  TinkerService& tinker;
  GraderDesk& graders;
  EventStreams& streams;
  ServiceMetrics& metrics;
  LoginStore& logins;
  RunShelf& runs;
  bool is_open = false;  ///< no keys are asked for
  std::function<HttpServer::Load()> load;
  std::function<bool()> is_stopping;
};

}  // namespace gradus::service
