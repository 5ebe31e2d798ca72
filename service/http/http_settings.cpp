#include "service/http/http_server.h"

namespace gradus::service {

void describe(HttpLimits& c, SettingFields& field) {
  field("header_s", c.header_s, positive(), "seconds in which a request's head must arrive");
  field("idle_s", c.idle_s, positive(), "seconds that a connection may wait between requests");
  field("body_stall_s", c.body_stall_s, positive(), "seconds without a byte of a body");
  field("body_bytes_per_s", c.body_bytes_per_s, at_least(0),
        "least speed of a body, over its whole time; 0: any");
  field("write_stall_s", c.write_stall_s, positive(), "seconds in which a client takes no byte");
  field("header_bytes", c.header_bytes, between(1024, 1 << 20), "longest head of a request");
  field("body_bytes", c.body_bytes, at_least(1024), "longest body that is not a file");
  field("bulk_bytes", c.bulk_bytes, at_least(1024),
        "longest body of training data and prompts of tokens");
  field("upload_bytes", c.upload_bytes, at_least(1024), "largest file");
  field("connections", c.connections, at_least(1), "open connections");
  field("requests", c.requests, at_least(1), "requests in flight; more are answered with 503");
  field("stream_bytes", c.stream_bytes, at_least(4096),
        "bytes that may wait for a client that reads a stream slowly");
  field("drain_s", c.drain_s, at_least(0.0), "seconds that requests have to end when it stops");
  field("threads", c.threads, between(1, 64), "threads of the network");
  field("workers", c.workers, between(1, 256), "threads that answer requests");
}

void describe(TlsConfig& c, SettingFields& field) {
  field("certificate", c.certificate, any(), "PEM file with the certificate chain; empty: no TLS");
  field("key", c.key, any(), "PEM file with its private key");
  field("client_ca", c.client_ca, any(),
        "PEM file: clients must show a certificate that it signed; empty: none");
}

}  // namespace gradus::service
