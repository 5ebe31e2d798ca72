#pragma once

#include <optional>
#include <string>

#include "service/http/message.h"
#include "service/store/logins.h"

namespace gradus::service {

/// The cookie of a session on the page; the browser sends it to this server alone, and never with a
/// request that another site began (SameSite=Strict).
inline constexpr const char* kSessionCookie = "gradus_session";

/// The value of a cookie; empty: it was not sent.
std::string cookie_value(const Request& request, const std::string& name);

/// The key of whoever has logged in on the page; nothing: no session, or one that has ended.
/// @throws HttpError  403: a request that changes something must carry `x-gradus-page: 1`, which no
///                    form and no other site's script can send without being asked about it first.
std::optional<Key> key_of_session(const Request& request, LoginStore& logins);

}  // namespace gradus::service
