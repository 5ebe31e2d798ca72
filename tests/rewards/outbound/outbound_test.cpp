#include "base/error.h"
#include "rewards/outbound/circuit_breaker.h"
#include "rewards/outbound/outbound_policy.h"
#include "rewards/outbound/signature.h"
#include "rewards/outbound/url.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rewards::outbound;

namespace {

OutboundPolicy policy(std::vector<std::string> allow, std::vector<std::string> networks = {}) {
  OutboundConfig config;
  config.allow = std::move(allow);
  config.networks = std::move(networks);
  return OutboundPolicy(config, "outbound");
}

bool may_connect(const OutboundPolicy& policy, const std::string& url, const std::string& address) {
  return policy.refusal_of(Url::parse(url), *Address::parse(address)).empty();
}

}  // namespace

TEST_CASE("addresses of the web are taken apart", "[rewards][outbound]") {
  const Url url = Url::parse("https://Grader.Example:8443/a/b?c=d");
  CHECK(url.is_tls);
  CHECK(url.host == "grader.example");
  CHECK(url.port == 8443);
  CHECK(url.target == "/a/b?c=d");
  CHECK(Url::parse("http://a").authority() == "a:80");
  CHECK(Url::parse("http://a").host_header() == "a");
  CHECK(Url::parse("https://a?x=1").target == "/?x=1");
  const Url v6 = Url::parse("http://[::1]:8000/x");
  CHECK(v6.host == "::1");
  CHECK(v6.host_header() == "[::1]:8000");
}

TEST_CASE("only listed servers may be asked, scheme and port included", "[rewards][outbound]") {
  const auto listed = policy({"grader.example:443", "http://127.0.0.1:8000"});
  CHECK(listed.refusal_of(Url::parse("https://grader.example/x")).empty());
  CHECK(listed.refusal_of(Url::parse("http://127.0.0.1:8000/v1")).empty());
  for (const char* url :
       {"http://grader.example:443/", "https://grader.example:444/", "https://grader.example.evil/",
        "https://127.0.0.1:8000/", "http://127.0.0.1:8001/", "http://localhost:8000/"}) {
    INFO(url);
    CHECK_FALSE(listed.refusal_of(Url::parse(url)).empty());
  }
  CHECK_FALSE(policy({}).refusal_of(Url::parse("https://grader.example/")).empty());
  CHECK_THROWS_AS(policy({"https://a/path"}), ConfigError);
  CHECK_THROWS_AS(policy({"a:b:c"}), ConfigError);
  CHECK_THROWS_AS(policy({}, {"10.0.0.0/33"}), ConfigError);
}

TEST_CASE("a listed name may not lead to a special address", "[rewards][outbound]") {
  const auto listed = policy({"grader.example:443"});
  CHECK(may_connect(listed, "https://grader.example", "93.184.216.34"));
  CHECK(may_connect(listed, "https://grader.example", "2606:2800:220:1::1"));
  for (const char* address : {"127.0.0.1",
                              "127.9.9.9",
                              "10.0.0.1",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.1.1",
                              "169.254.169.254",
                              "100.64.0.1",
                              "0.0.0.0",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "fd00:ec2::254",
                              "fc00::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:169.254.169.254",
                              "64:ff9b::7f00:1",
                              "2002:7f00:1::",
                              "2001::1"}) {
    INFO(address);
    CHECK_FALSE(may_connect(listed, "https://grader.example", address));
  }
  CHECK(may_connect(listed, "https://grader.example", "172.32.0.1"));
}

TEST_CASE("special addresses pass where the operator names them", "[rewards][outbound]") {
  CHECK(may_connect(policy({"http://127.0.0.1:8000"}), "http://127.0.0.1:8000", "127.0.0.1"));
  CHECK_FALSE(may_connect(policy({"http://127.0.0.1:8000"}), "http://127.0.0.1:8000", "127.0.0.2"));
  CHECK(may_connect(policy({"http://localhost:8000"}), "http://localhost:8000", "::1"));
  CHECK_FALSE(may_connect(policy({"http://localhost:8000"}), "http://localhost:8000", "10.0.0.1"));
  const auto internal = policy({"judge.internal:443"}, {"10.1.0.0/16", "fd00::/8"});
  CHECK(may_connect(internal, "https://judge.internal", "10.1.2.3"));
  CHECK(may_connect(internal, "https://judge.internal", "fd12::1"));
  CHECK_FALSE(may_connect(internal, "https://judge.internal", "10.2.0.1"));
  CHECK_FALSE(may_connect(internal, "https://judge.internal", "169.254.169.254"));
}

TEST_CASE("a server that fails again and again is left alone, then tried once",
          "[rewards][outbound]") {
  ManualClock clock;
  CircuitBreaker breaker(3, 30, clock);
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(breaker.refusal_of("a:1"));
    breaker.report("a:1", false);
  }
  CHECK(breaker.refusal_of("a:1"));
  CHECK_FALSE(breaker.refusal_of("b:1"));
  clock.advance(31);
  CHECK_FALSE(breaker.refusal_of("a:1"));
  CHECK(breaker.refusal_of("a:1"));
  breaker.report("a:1", false);
  CHECK(breaker.refusal_of("a:1"));
  clock.advance(31);
  CHECK_FALSE(breaker.refusal_of("a:1"));
  breaker.report("a:1", true);
  CHECK_FALSE(breaker.refusal_of("a:1"));
  CHECK_FALSE(breaker.refusal_of("a:1"));
}

TEST_CASE("signatures are those of Standard Webhooks", "[rewards][outbound]") {
  // The example of the specification's own libraries.
  const auto headers =
      signature_headers(signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
                        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, R"({"test": 2432232314})");
  CHECK(headers.at(2).first == "webhook-signature");
  CHECK(headers.at(2).second == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  CHECK(headers.at(1).second == "1614265330");
  CHECK(signing_key("plain") == "plain");
  CHECK_THROWS_AS(signing_key(""), ArgumentError);
  CHECK_THROWS_AS(signing_key("whsec_!!"), ArgumentError);
}
