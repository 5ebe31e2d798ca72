#pragma once

#include <string>
#include <vector>

#include "service/api/call.h"
#include "service/api/parts.h"

namespace gradus::service {

struct GateRules {
  bool is_open = false;      ///< no keys are asked for
  bool is_loopback = false;  ///< Host must then be a name of this machine
  std::vector<std::string> allowed_hosts;
};

/// Who may ask what: finds a request's route, checks its Host and key, and hands it on. Any thread.
class Gate {
 public:
  Gate(ServiceParts& parts, GateRules rules) : parts_(parts), rules_(std::move(rules)) {}

  /// @throws HttpError  401, 403, 404, 405, 421.
  RequestPlan plan(const Request& request) const;

 private:
  void check_host(const Request& request) const;
  void check_origin(const Request& request) const;
  Key key_of(const Request& request) const;

  ServiceParts& parts_;
  GateRules rules_;
};

/// Who asks where no keys are asked for: everything is allowed, in the project "default".
Key key_of_everyone();

/// Of an Authorization: Bearer or X-API-Key header; empty: there is none.
std::string key_text(const Request& request);

}  // namespace gradus::service
