#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/outbound/url.h"

namespace gradus::rewards::outbound {

/// Where this program may connect to, by the operator's word. The default is nowhere.
struct OutboundConfig {
  std::vector<std::string> allow;     // "grader.example:443", "http://127.0.0.1:8000"
  std::vector<std::string> networks;  // private networks: "10.1.0.0/16", "fd00::/8"
  std::string ca_file;
  std::string secret_file;
  double timeout_s = 10.0;
  int max_reply_kib = 1024;
};

template <class Field>
void describe(OutboundConfig& c, Field&& field) {
  field("allow", c.allow, any(),
        "servers that may be asked: \"host:port\" by https, \"http://host:port\" without TLS");
  field(
      "networks", c.networks, any(),
      "private networks that names may lead into: \"10.1.0.0/16\"; addresses in `allow` need none");
  field("ca_file", c.ca_file, any(), "certificates to trust (PEM); empty: the system's");
  field("secret_file", c.secret_file, any(),
        "file with a secret that signs requests to endpoints (Standard Webhooks); empty: unsigned");
  field("timeout_s", c.timeout_s, between(0.001, 600.0),
        "time for one exchange, from name to reply");
  field("max_reply_kib", c.max_reply_kib, between(1, 65536), "a longer reply is refused");
}

/// An IPv4 or IPv6 address as 16 bytes; IPv4 in its mapped form ::ffff:a.b.c.d.
struct Address {
  unsigned char bytes[16] = {};

  /// nullopt: not an address.
  static std::optional<Address> parse(std::string_view text);
  bool is_v4() const;
  std::string text() const;
};

/// Which servers and addresses may be connected to.
///
/// A URL passes when its scheme, host and port are in the allow-list. The address that its name
/// has led to passes unless it is special: loopback, private (RFC 1918, ULA), link-local (where
/// clouds keep their metadata), shared (100.64/10), multicast, unspecified, reserved, mapped,
/// translated (64:ff9b::/96, 6to4, Teredo) ones. A special address passes when the allow-list
/// itself names it, when the name is `localhost` and it is a loopback address, or when it lies in
/// one of `networks`.
class OutboundPolicy {
 public:
  /// @throws gradus::ConfigError  an entry that cannot be read, naming the key.
  OutboundPolicy(const OutboundConfig& config, const std::string& where);

  /// Why the URL may not be asked; empty: it may.
  std::string refusal_of(const Url& url) const;

  /// Why its address may not be connected to; empty: it may.
  std::string refusal_of(const Url& url, const Address& address) const;

  bool is_empty() const { return allowed_.empty(); }

 private:
  struct Network {
    Address address;
    int num_bits = 0;  // of 128
  };

  static Network read_network(const std::string& text, const std::string& where);

  std::vector<Url> allowed_;
  std::vector<Network> networks_;
};

}  // namespace gradus::rewards::outbound
