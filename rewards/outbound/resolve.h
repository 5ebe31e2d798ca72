#pragma once

#include <chrono>
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
/// the system's resolver says by the deadline.
Resolved resolve(const std::string& host, std::chrono::steady_clock::time_point deadline);

}  // namespace gradus::rewards::outbound
