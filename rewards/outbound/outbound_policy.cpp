#include "rewards/outbound/outbound_policy.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "base/printable.h"

namespace gradus::rewards::outbound {
namespace {

constexpr unsigned char kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

struct SpecialRange {
  const char* network;
  const char* what;
};

// IANA's special-purpose registries, what a grader never lives in by accident.
constexpr std::array kSpecial{
    SpecialRange{"0.0.0.0/8", "an unspecified address"},
    SpecialRange{"10.0.0.0/8", "a private address"},
    SpecialRange{"100.64.0.0/10", "a shared address"},
    SpecialRange{"127.0.0.0/8", "a loopback address"},
    SpecialRange{"169.254.0.0/16", "a link-local address"},
    SpecialRange{"172.16.0.0/12", "a private address"},
    SpecialRange{"192.0.0.0/24", "a reserved address"},
    SpecialRange{"192.0.2.0/24", "a documentation address"},
    SpecialRange{"192.88.99.0/24", "a reserved address"},
    SpecialRange{"192.168.0.0/16", "a private address"},
    SpecialRange{"198.18.0.0/15", "a benchmarking address"},
    SpecialRange{"198.51.100.0/24", "a documentation address"},
    SpecialRange{"203.0.113.0/24", "a documentation address"},
    SpecialRange{"224.0.0.0/4", "a multicast address"},
    SpecialRange{"240.0.0.0/4", "a reserved address"},
    SpecialRange{"::/128", "an unspecified address"},
    SpecialRange{"::1/128", "a loopback address"},
    SpecialRange{"64:ff9b::/96", "a translated address"},
    SpecialRange{"64:ff9b:1::/48", "a translated address"},
    SpecialRange{"100::/64", "a discarding address"},
    SpecialRange{"2001::/23", "a reserved address"},
    SpecialRange{"2001:db8::/32", "a documentation address"},
    SpecialRange{"2002::/16", "a translated address"},
    SpecialRange{"fc00::/7", "a private address"},
    SpecialRange{"fe80::/10", "a link-local address"},
    SpecialRange{"fec0::/10", "a private address"},
    SpecialRange{"ff00::/8", "a multicast address"},
};

bool lies_in(const Address& address, const Address& network, int num_bits) {
  const int whole = num_bits / 8;
  if (std::memcmp(address.bytes, network.bytes, static_cast<size_t>(whole)) != 0) return false;
  const int rest = num_bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<unsigned char>(0xFF << (8 - rest));
  return (address.bytes[whole] & mask) == (network.bytes[whole] & mask);
}

// "10.0.0.0/8"; of IPv4 the bits count from the 96th. nullopt: not of that form.
std::optional<std::pair<Address, int>> network_of(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const int widest = address->is_v4() ? 32 : 128;
  int num_bits = widest;
  if (slash != std::string_view::npos) {
    const char* end = text.data() + text.size();
    const auto result = std::from_chars(text.data() + slash + 1, end, num_bits);
    if (result.ec != std::errc() || result.ptr != end || num_bits < 0 || num_bits > widest) {
      return std::nullopt;
    }
  }
  return std::pair(*address, address->is_v4() ? 96 + num_bits : num_bits);
}

const char* special_kind(const Address& address) {
  for (const auto& [text, what] : kSpecial) {
    const auto [network, num_bits] = *network_of(text);
    if (network.is_v4() == address.is_v4() && lies_in(address, network, num_bits)) return what;
  }
  return nullptr;
}

bool is_loopback(const Address& address) {
  return address.is_v4() ? address.bytes[12] == 127
                         : std::memcmp(address.bytes, Address::parse("::1")->bytes, 16) == 0;
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  const std::string zero_ended(text);
  Address address;
  if (inet_pton(AF_INET, zero_ended.c_str(), address.bytes + 12) == 1) {
    std::memcpy(address.bytes, kMappedPrefix, sizeof kMappedPrefix);
    return address;
  }
  if (inet_pton(AF_INET6, zero_ended.c_str(), address.bytes) == 1) return address;
  return std::nullopt;
}

bool Address::is_v4() const {
  return std::memcmp(bytes, kMappedPrefix, sizeof kMappedPrefix) == 0;
}

std::string Address::text() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  const char* text = is_v4() ? inet_ntop(AF_INET, bytes + 12, buffer, sizeof buffer)
                             : inet_ntop(AF_INET6, bytes, buffer, sizeof buffer);
  return text == nullptr ? "?" : text;
}

OutboundPolicy::OutboundPolicy(const OutboundConfig& config, const std::string& where) {
  for (const std::string& entry : config.allow) {
    try {
      Url url = Url::parse(entry.find("://") == std::string::npos ? "https://" + entry : entry);
      if (url.target != "/") throw ArgumentError("\"" + printable(entry, 200) + "\" has a path");
      allowed_.push_back(std::move(url));
    } catch (const ArgumentError& error) {
      throw ConfigError(where + ": allow: " + error.what() +
                        "; write \"host:port\" or \"http://host:port\"");
    }
  }
  for (const std::string& text : config.networks) {
    networks_.push_back(read_network(text, where));
  }
}

OutboundPolicy::Network OutboundPolicy::read_network(const std::string& text,
                                                     const std::string& where) {
  const auto network = network_of(text);
  if (!network) {
    throw ConfigError(where + ": networks: \"" + printable(text, 100) +
                      "\" is no network; write \"10.1.0.0/16\"");
  }
  return {network->first, network->second};
}

std::string OutboundPolicy::refusal_of(const Url& url) const {
  for (const Url& allowed : allowed_) {
    if (allowed.is_tls == url.is_tls && allowed.host == url.host && allowed.port == url.port) {
      return {};
    }
  }
  return std::string(url.is_tls ? "" : "http://") + url.authority() +
         " is not among the servers that may be asked (`allow`)";
}

std::string OutboundPolicy::refusal_of(const Url& url, const Address& address) const {
  const char* kind = special_kind(address);
  if (kind == nullptr) return {};
  const auto listed = Address::parse(url.host);
  if (listed && std::memcmp(listed->bytes, address.bytes, sizeof address.bytes) == 0) return {};
  if (url.host == "localhost" && is_loopback(address)) return {};
  for (const Network& network : networks_) {
    if (lies_in(address, network.address, network.num_bits)) return {};
  }
  return url.host + " leads to " + address.text() + ", " + kind +
         "; list its network in `networks` if that is meant";
}

}  // namespace gradus::rewards::outbound
