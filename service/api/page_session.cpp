#include "service/api/page_session.h"

namespace gradus::service {

std::string cookie_value(const Request& request, const std::string& name) {
  std::string_view rest = request.header("cookie");
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (pair.starts_with(' ')) pair.remove_prefix(1);
    if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
      return std::string(pair.substr(name.size() + 1));
  }
  return {};
}

std::optional<Key> key_of_session(const Request& request, LoginStore& logins) {
  const std::string token = cookie_value(request, kSessionCookie);
  if (token.empty()) return std::nullopt;
  auto key = logins.key_of(token);
  const bool only_reads = request.method == "GET" || request.method == "HEAD";
  if (key && !only_reads && request.header("x-gradus-page") != "1") {
    throw HttpError(403, "A request by cookie must carry the page's header x-gradus-page.",
                    "csrf_header_missing");
  }
  return key;
}

}  // namespace gradus::service
