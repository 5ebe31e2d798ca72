#pragma once

#include <string>
#include <string_view>

namespace gradus {

/// Tells systemd how a service of `Type=notify` stands: "READY=1", "STOPPING=1",
/// "STATUS=3 jobs run" (sd_notify(3), whose protocol is one datagram to the socket that
/// NOTIFY_SOCKET names). Without that variable nothing is done.
/// @return what went wrong; empty: nothing. A service goes on either way.
std::string tell_service_manager(std::string_view state);

}  // namespace gradus
