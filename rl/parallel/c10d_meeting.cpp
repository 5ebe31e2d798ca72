#include "rl/parallel/c10d_meeting.h"

#ifdef GRADUS_GLOO

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/version.h"

namespace gradus::rl {
namespace {

using MeetingClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLookForMissing{50};
constexpr std::chrono::seconds kSayWhoIsMissing{5};

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "?";
}

/// The own address on the way to the store's machine; "" where there is none.
std::string address_towards(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return "";
  std::string address;
  for (const addrinfo* way = found; way != nullptr && address.empty(); way = way->ai_next) {
    const int fd = ::socket(way->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char text[NI_MAXHOST] = {};
    if (::connect(fd, way->ai_addr, way->ai_addrlen) == 0 &&
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&own), length, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) == 0)
      address = text;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  return address;
}

bool is_loopback(const std::string& address) {
  return address.empty() || address.starts_with("127.") || address == "::1";
}

void check_joined(const std::vector<Joined>& all, const RankPlace& place) {
  for (int r = 0; r < place.size; ++r) {
    const Joined& other = all[static_cast<size_t>(r)];
    if (other.size != place.size)
      throw ConfigError(fmt::format("{} says that there are {} ranks, rank {} that there are {}",
                                    name_of(r, other), other.size, place.rank, place.size));
    if (other.version != kVersion)
      throw ConfigError(fmt::format("{} runs gradus {}, rank {} runs {}", name_of(r, other),
                                    other.version, place.rank, kVersion));
  }
}

}  // namespace

std::string Joined::text() const {
  return fmt::format("{}|{}|{}|{}", size, host, process, version);
}

Joined Joined::of(const std::string& text) {
  Joined joined;
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == '|')
      parts.emplace_back();
    else
      parts.back().push_back(c);
  parts.resize(4);
  joined.size = std::atoi(parts[0].c_str());
  joined.host = parts[1];
  joined.process = parts[2];
  joined.version = parts[3];
  return joined;
}

std::string name_of(int rank, const Joined& joined) {
  return fmt::format("rank {} ({}, process {})", rank, joined.host, joined.process);
}

milliseconds ms(double seconds) {
  return milliseconds(static_cast<int64_t>(seconds * 1000.0));
}

std::vector<uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string text_of(const std::vector<uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::string first_line(const std::exception& error) {
  const std::string text = failure_text(error);
  return text.substr(0, text.find('\n'));
}

c10::intrusive_ptr<c10d::Store> connect(const RankPlace& place, bool serves, double timeout_s) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.port);
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = ms(timeout_s);
  try {
    auto store = c10::make_intrusive<c10d::TCPStore>(place.address, options);
    return c10::make_intrusive<c10d::PrefixStore>(
        fmt::format("gradus/{}/{}", place.run, place.restart), store);
  } catch (const std::exception& error) {
    throw PeerError(fmt::format(
        "rank {}: the store at {}:{} {}: {}", place.rank, place.address, place.port,
        serves ? "can't be served (is the port taken?)" : "can't be reached", first_line(error)));
  }
}

std::vector<Joined> meet(c10d::Store& store, const RankPlace& place, double timeout_s,
                         const SayLine& say) try {
  const Joined own{place.size, host_name(), std::to_string(::getpid()), kVersion};
  const auto key = [](int rank) { return fmt::format("joined/{}", rank); };
  const std::string there = text_of(store.compareSet(key(place.rank), {}, bytes_of(own.text())));
  if (there != own.text())
    throw ConfigError(
        fmt::format("rank {}: there are two of it, here and as {}; each process "
                    "needs a rank of its own",
                    place.rank, name_of(place.rank, Joined::of(there))));
  std::vector<Joined> all(static_cast<size_t>(place.size));
  std::vector<int> missing;
  for (int r = 0; r < place.size; ++r) missing.push_back(r);
  const auto begin = MeetingClock::now();
  auto said = begin;
  while (true) {
    std::erase_if(missing, [&](int r) {
      if (!store.check({key(r)})) return false;
      all[static_cast<size_t>(r)] = Joined::of(text_of(store.get(key(r))));
      return true;
    });
    if (missing.empty()) {
      check_joined(all, place);
      return all;
    }
    const auto now = MeetingClock::now();
    const auto text = [&] {
      return fmt::format("{} of {} ranks are here, missing: {}",
                         place.size - static_cast<int>(missing.size()), place.size,
                         fmt::join(missing, ", "));
    };
    if (now - begin > ms(timeout_s))
      throw PeerError(fmt::format("{} after {:.0f} s (cluster.join_timeout_s)", text(), timeout_s));
    if (now - said > kSayWhoIsMissing) {
      say(text());
      said = now;
    }
    std::this_thread::sleep_for(kLookForMissing);
  }
} catch (const Error&) {
  throw;
} catch (const std::exception& error) {
  throw PeerError(fmt::format("rank {}: the store at {}:{} went before all ranks were there: {}",
                              place.rank, place.address, place.port, first_line(error)));
}

std::shared_ptr<gloo::transport::Device> device_of(const RankPlace& place,
                                                   const ClusterConfig& config,
                                                   const std::vector<Joined>& all) {
  const std::string wanted =
      !config.interface.empty() ? config.interface
                                : read_variable("GLOO_SOCKET_IFNAME").value_or("");
  try {
    if (!wanted.empty())
      return c10d::ProcessGroupGloo::createDeviceForInterface(wanted.substr(0, wanted.find(',')));
    const std::string address = address_towards(place.address, place.port);
    const bool is_one_host =
        std::ranges::all_of(all, [&](const Joined& other) { return other.host == all[0].host; });
    if (is_loopback(address) && !is_one_host)
      throw ConfigError(fmt::format(
          "rank {}: the way to {} leads over the loopback ({}), where other machines can't reach "
          "this one. Give MASTER_ADDR as an address that all machines can reach, or name the "
          "network in cluster.interface",
          place.rank, place.address, address.empty() ? "no address" : address));
    return c10d::ProcessGroupGloo::createDeviceForHostname(address.empty() ? "127.0.0.1" : address);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw ConfigError(
        fmt::format("cluster.interface: \"{}\" can't be used: {}", wanted, first_line(error)));
  }
}

}  // namespace gradus::rl

#endif
