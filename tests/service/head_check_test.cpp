#include "service/http/head_check.h"

#include <string>
#include <vector>

#include "tests/catch.h"

using namespace gradus::service;

namespace {

std::string head_with(const std::string& lines) {
  return "POST /v1/files HTTP/1.1\r\nHost: localhost\r\n" + lines + "\r\n";
}

}  // namespace

TEST_CASE("a plain head is read", "[service][http]") {
  const auto head = check_head(
      "POST /v1/files/a%20b?limit=2&x HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: 12\r\n"
      "X-Thing:  two words \r\nExpect: 100-continue\r\n\r\n");
  CHECK(head.request.method == "POST");
  CHECK(head.request.path == "/v1/files/a%20b");
  CHECK(head.request.query_value("limit") == "2");
  CHECK(head.request.has_query("x"));
  CHECK(head.request.header("x-thing") == "two words");
  CHECK(head.framing.length == 12);
  CHECK(head.expects_continue);
  CHECK_FALSE(head.wants_close);
}

TEST_CASE("heads that two programs could read in two ways are refused", "[service][http]") {
  const std::vector<std::string> bad{
      head_with("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"),
      head_with("Content-Length: 1\r\nContent-Length: 1\r\n"),
      head_with("Content-Length: 1, 1\r\n"),
      head_with("Content-Length: +1\r\n"),
      head_with("Content-Length: 0x10\r\n"),
      head_with("Content-Length:\r\n"),
      head_with("Transfer-Encoding: xchunked\r\n"),
      head_with("Transfer-Encoding: gzip, chunked\r\n"),
      head_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
      head_with("Transfer-Encoding : chunked\r\n"),
      head_with("X: a\r\n b\r\n"),
      head_with(" X: a\r\n"),
      head_with("Host: other\r\n"),
      head_with("no colon\r\n"),
      head_with(std::string("X: a\0b\r\n", 8)),
      head_with("X: a\rb\r\n"),
      head_with("X: a\nY: b\r\n"),
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
      "GET /\r\nHost: a\r\n\r\n",
      "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET http://other/ HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a/..%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a%00 HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n",
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\n",
  };
  for (const auto& head : bad) {
    INFO(head);
    CHECK_THROWS_AS(check_head(head), HttpError);
  }
}

TEST_CASE("connections end where the client says so", "[service][http]") {
  CHECK(check_head("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").wants_close);
  CHECK(check_head("GET / HTTP/1.0\r\n\r\n").wants_close);
  CHECK_FALSE(check_head("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").wants_close);
}
