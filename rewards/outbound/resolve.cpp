#include "rewards/outbound/resolve.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <memory>
#include <system_error>
#include <thread>

namespace gradus::rewards::outbound {
namespace {

std::optional<Address> address_in(const sockaddr* from) {
  if (from->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(from);
    Address address = *Address::parse("0.0.0.0");
    std::memcpy(address.bytes + 12, &v4->sin_addr, 4);
    return address;
  }
  if (from->sa_family != AF_INET6) return std::nullopt;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(from);
  Address address;
  std::memcpy(address.bytes, &v6->sin6_addr, 16);
  return address;
}

Resolved ask_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (error != 0) return {{}, "the name " + host + " has no address: " + gai_strerror(error)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  Resolved resolved;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (const auto address = address_in(entry->ai_addr)) resolved.addresses.push_back(*address);
  }
  if (resolved.addresses.empty()) resolved.fault = "the name " + host + " has no address";
  return resolved;
}

}  // namespace

Resolved resolve(const std::string& host, std::chrono::steady_clock::time_point deadline,
                 const std::stop_token& stop) {
  if (const auto address = Address::parse(host)) return {{*address}, ""};
  if (host == "localhost") return {{*Address::parse("127.0.0.1"), *Address::parse("::1")}, ""};
  // getaddrinfo cannot be stopped: it is waited for elsewhere, and forgotten at the deadline. The
  // resolver's own limits end that thread.
  auto promise = std::make_shared<std::promise<Resolved>>();
  auto future = promise->get_future();
  try {
    std::thread([promise, host] {
      try {
        promise->set_value(ask_system(host));
      } catch (...) {  // the edge of a thread; thrown again to who waits
        promise->set_exception(std::current_exception());
      }
    }).detach();
  } catch (const std::system_error& error) {
    return {{}, "no thread could be started to resolve " + host + ": " + error.what()};
  }
  constexpr std::chrono::milliseconds kStopLatency{200};
  const auto waits = [&] {
    const auto now = std::chrono::steady_clock::now();
    return now < deadline && !stop.stop_requested() &&
           future.wait_until(std::min(deadline, now + kStopLatency)) != std::future_status::ready;
  };
  while (waits()) {
  }
  if (future.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    return {{}, "the name " + host + " was not resolved in time", true};
  }
  return future.get();
}

}  // namespace gradus::rewards::outbound
