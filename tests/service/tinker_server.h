#pragma once

#include <string>
#include <utility>

#include "service/service.h"
#include "tests/service/tinker_client.h"
#include "tests/support/temporary_folder.h"

namespace gradus::service {

/// A server on a folder of its own.
struct TinkerServer {
  explicit TinkerServer(ServiceConfig config = {}, bool is_open = true)
      : service([&] {
          ServiceOptions options;
          options.data_dir = folder / "data";
          options.listen = "127.0.0.1:0";
          options.is_open = is_open;
          options.config = std::move(config);
          return options;
        }()) {
    service.start();
    port = std::stoi(service.url().substr(service.url().rfind(':') + 1));
  }

  tests::TemporaryFolder folder;
  Service service;
  int port = 0;
};

}  // namespace gradus::service
