// What people and their machines ask to know that the server is well.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include "base/version.h"
#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/api/router.h"
#include "service/api/service_metrics.h"
#include "service/jobs/job_service.h"
#include "service/models/model_host.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

Response health(Call& /*call*/) {
  return json_response({{"status", "ok"}});
}

Response ready(Call& call) {
  const bool is_ready = !call.parts.is_stopping();
  return json_response({{"status", is_ready ? "ready" : "stopping"}}, is_ready ? 200 : 503);
}

Response version(Call& /*call*/) {
  return json_response({{"version", kVersion}});
}

std::string jobs_text(Call& call) {
  const auto rows = call.parts.store.read([](Database& database) {
    return database.query("SELECT status, count(*) FROM jobs GROUP BY status");
  });
  std::string text = "# TYPE gradus_jobs gauge\n";
  for (const auto& row : rows)
    text += fmt::format("gradus_jobs{{state=\"{}\"}} {}\n", row.text(0), row.integer(1));
  const auto steps = call.parts.store.read([](Database& database) {
    return database.query("SELECT id, step FROM jobs WHERE status='running'");
  });
  text += "# TYPE gradus_job_step gauge\n";
  for (const auto& row : steps)
    text += fmt::format("gradus_job_step{{job=\"{}\"}} {}\n", row.text(0), row.integer(1));
  return text;
}

std::string models_text(Call& call) {
  std::string text =
      "# TYPE gradus_num_requests_running gauge\n# TYPE gradus_num_requests_waiting gauge\n";
  for (const auto& status : call.parts.models.loaded()) {
    for (const char* prefix : {"gradus_", "vllm:"}) {
      text += fmt::format(
          "{0}num_requests_running{{model_name=\"{1}\"}} {2}\n"
          "{0}num_requests_waiting{{model_name=\"{1}\"}} {3}\n",
          prefix, status.name, status.load.running, status.load.waiting);
    }
    text += fmt::format("gradus_model_memory_bytes{{model_name=\"{}\"}} {}\n", status.name,
                        status.bytes);
  }
  return text;
}

std::string tinker_text(Call& call) {
  const auto rows = call.parts.store.read([](Database& database) {
    return database.query(
        "SELECT 'gradus_sessions', count(*) FROM sessions WHERE finished IS NULL UNION ALL "
        "SELECT 'gradus_training_models', count(*) FROM training_models WHERE closed IS NULL "
        "UNION ALL SELECT 'gradus_promises_waiting', count(*) FROM promises WHERE state='waiting'");
  });
  std::string text;
  for (const auto& row : rows)
    text += fmt::format("# TYPE {0} gauge\n{0} {1}\n", row.text(0), row.integer(1));
  return text;
}

Response metrics(Call& call) {
  Response response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  const auto load = call.parts.load();
  struct statvfs disk {};
  ::statvfs(call.parts.data_dir.c_str(), &disk);
  response.body = fmt::format(
      "# TYPE gradus_build_info gauge\ngradus_build_info{{version=\"{}\"}} 1\n"
      "# TYPE gradus_http_connections gauge\ngradus_http_connections {}\n"
      "# TYPE gradus_http_requests_in_flight gauge\ngradus_http_requests_in_flight {}\n"
      "# TYPE gradus_disk_free_bytes gauge\ngradus_disk_free_bytes {}\n",
      kVersion, load.connections, load.requests,
      static_cast<int64_t>(disk.f_bavail) * static_cast<int64_t>(disk.f_frsize));
  response.body +=
      jobs_text(call) + models_text(call) + tinker_text(call) + call.parts.metrics.text();
  return response;
}

Response openapi(Call& /*call*/) {
  Response response;
  response.content_type = "application/yaml";
  response.body = openapi_yaml();
  return response;
}

constexpr Route kHealthRoutes[] = {
    {"GET", "/health", Scope::open, "whether the server lives", answering<health>, BodyKind::none,
     true},
    {"GET", "/v1/health", Scope::open, "whether the server lives", answering<health>,
     BodyKind::none, true},
    {"GET", "/ready", Scope::open, "whether it takes requests", answering<ready>, BodyKind::none,
     true},
    {"GET", "/version", Scope::infer, "the server's version", answering<version>},
    {"GET", "/metrics", Scope::metrics, "figures for Prometheus", answering<metrics>},
    {"GET", "/openapi.yaml", Scope::open, "this API", answering<openapi>},
};

}  // namespace

extern const Resource kHealthResource{"health", kHealthRoutes};

}  // namespace gradus::service
