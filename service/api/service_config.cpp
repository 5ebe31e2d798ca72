#include "service/api/service_config.h"

namespace gradus::service {

void describe(ServiceConfig& c, SettingFields& field) {
  field("allowed_hosts", c.allowed_hosts, any(),
        "names that requests may have in Host, beside this machine's own on loopback");
  field("organization", c.organization, non_empty(), "organization_id of jobs, and part of names");
  field("allow_plain_http", c.allow_plain_http, any(),
        "listen beyond loopback without TLS, e.g. behind a proxy that has it");
  field.section("http", c.http, "what a client may ask of the server's time and memory");
  field.section("tls", c.tls, "certificate and key");
  field.section("models", c.models, "models in memory");
  field.section("jobs", c.jobs, "fine-tuning jobs");
  field.section("tinker", c.tinker, "training that clients drive step by step");
  field.section("webhooks", c.webhooks, "who is told when a job has ended");
}

}  // namespace gradus::service
