#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "rewards/outbound/outbound_policy.h"

namespace gradus::rewards::outbound {

struct Resolved {
  std::vector<Address> addresses;
  std::string fault;  // why there are none
  bool timed_out = false;
};

/// The addresses of a host: itself when it is one, 127.0.0.1 and ::1 for `localhost`, else what
/// the system's resolver says by the deadline, or until `stop` is requested.
Resolved resolve(const std::string& host, std::chrono::steady_clock::time_point deadline,
                 const std::stop_token& stop);

}  // namespace gradus::rewards::outbound
