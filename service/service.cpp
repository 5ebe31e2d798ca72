#include "service/service.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/files/file_descriptor.h"
#include "base/json.h"
#include "service/api/gate.h"
#include "service/api/grader_desk.h"
#include "service/api/openai/event_stream.h"
#include "service/api/parts.h"
#include "service/api/service_metrics.h"
#include "service/jobs/job_service.h"
#include "service/models/model_host.h"
#include "service/store/files.h"
#include "service/store/keys.h"
#include "service/store/logins.h"
#include "service/tinker/tinker_service.h"
#include "service/web/run_shelf.h"
#include "service/webhooks/webhook_desk.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

constexpr const char* kBundledName = "nano";
/// Its logits are steep for its size: one step of a usual learning rate at 32 throws it far.
constexpr double kBundledAlpha = 2.0;

bool is_loopback_address(const std::string& listen) {
  return listen.starts_with("127.") || listen.starts_with("[::1]") ||
         listen.starts_with("localhost:");
}

void check_exposure(const ServiceOptions& options, bool has_keys) {
  if (is_loopback_address(options.listen)) return;
  if (options.is_open)
    throw ConfigError("--open: is for loopback alone; make keys with `gradus keys add`");
  if (!has_keys) {
    throw ConfigError(
        "--listen: " + options.listen +
        " is reached by others, and there are no keys; make one with `gradus keys add "
        "--data DIR --name NAME`");
  }
  if (options.config.tls.certificate.empty() && !options.config.allow_plain_http) {
    throw ConfigError("--listen: " + options.listen +
                      " is reached by others, and there is no TLS; set serve.tls.certificate and "
                      "serve.tls.key, or allow_plain_http = true behind a proxy that has it");
  }
}

int64_t seconds_of_file(const fs::path& path) {
  std::error_code is_missing;
  const auto time = fs::last_write_time(path, is_missing);
  if (is_missing) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count();
}

}  // namespace

std::shared_ptr<void> lock_data_dir(const fs::path& data_dir) {
  fs::create_directories(data_dir);
  fs::permissions(data_dir, fs::perms::owner_all);
  const fs::path path = data_dir / ".lock";
  auto lock = std::make_shared<FileDescriptor>(open_file(path, O_RDWR | O_CREAT));
  if (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    throw FileError(data_dir.string(), "locked",
                    "another `gradus serve` works on this directory; end it first");
  }
  return lock;
}

struct Service::Impl {
  explicit Impl(ServiceOptions options_)
      : options(std::move(options_)),
        lock(lock_data_dir(options.data_dir)),
        store(options.data_dir),
        keys(store),
        logins(store, keys),
        files(store, options.data_dir),
        models(store, options.config.models,
               TinkerService::checkpoints_folder(options.data_dir / "tinker")),
        job_store(store),
        jobs(job_store, files, keys, models, options.config.jobs,
             {options.data_dir, options.config.organization, [this] { return judge_server(); }}),
        tinker(store, models, options.config.tinker, options.data_dir / "tinker"),
        shelf(job_store, options.data_dir, options.watched),
        graders(models, options.config.jobs.python_may_be_weak),
        streams(job_store),
        webhooks(store, options.config.webhooks,
                 [this](nlohmann::json line) { write_log(std::move(line)); }) {
    check_exposure(options, keys.has_any());
    add_models();
    http.emplace(options.listen, options.config.http, options.config.tls,
                 HttpServer::Hooks{[this](const Request& request) { return gate->plan(request); },
                                   [this](const AccessRecord& record) { note(record); }});
    if (!options.config.tls.certificate.empty() || !is_loopback_address(options.listen))
      inner_port = http->listen_on_loopback();
    parts.emplace(ServiceParts{options.config, options.data_dir, store, keys, files, models,
                               job_store, jobs, tinker, graders, streams, metrics, logins, shelf,
                               options.is_open, [this] { return http->load(); },
                               [this] { return is_stopping.load(); }});
    gate.emplace(*parts, GateRules{options.is_open, is_loopback_address(options.listen),
                                   options.config.allowed_hosts});
  }

  void add_models() {
    const fs::path bundled = options.data_dir / "models" / kBundledName;
    write_bundled_base(bundled);
    const auto absolute = [](const fs::path& path) { return fs::absolute(path).string(); };
    bool is_replaced = false;
    for (const auto& [name, path] : options.models) {
      is_replaced = is_replaced || name == kBundledName;
      models.add_base(name, absolute(path), seconds_of_file(path));
    }
    if (!is_replaced)
      models.add_base(kBundledName, absolute(bundled), seconds_of_file(bundled / "config.json"),
                      kBundledAlpha);
  }

  /// Where a job's process asks models of this server: never through TLS.
  std::string judge_server() const {
    return inner_port > 0 ? fmt::format("http://127.0.0.1:{}", inner_port) : http->url();
  }

  void note(const AccessRecord& record) {
    metrics.count_request(record);
    write_log({{"level", record.status >= 500 ? "error" : "info"},
               {"msg", "request"},
               {"request_id", record.id},
               {"method", record.method},
               {"route", record.route},
               {"status", record.status},
               {"bytes", record.bytes_out},
               {"ms", record.seconds * 1000.0},
               {"peer", record.peer}});
  }

  void write_log(nlohmann::json line) {
    if (!options.log) return;
    line["ts"] = machine_clock().wall_s();
    const std::string text = dump_json(line);
    const std::lock_guard hold(log_mutex);
    options.log(text);
  }

  ServiceOptions options;
  std::shared_ptr<void> lock;
  Store store;
  KeyStore keys;
  LoginStore logins;
  FileStore files;
  ServiceMetrics metrics;
  // HTTP outlives whoever may still answer: models and streams are gone before it.
  std::optional<HttpServer> http;
  ModelHost models;
  JobStore job_store;
  JobService jobs;
  TinkerService tinker;
  RunShelf shelf;
  GraderDesk graders;
  EventStreams streams;
  WebhookDesk webhooks;
  std::optional<ServiceParts> parts;
  std::optional<Gate> gate;
  int inner_port = 0;
  std::atomic<bool> is_stopping{false};
  std::mutex log_mutex;
};

Service::Service(ServiceOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Service::~Service() {
  stop();
}

std::string Service::url() const {
  return impl_->http->url();
}

bool Service::needs_keys() const {
  return !impl_->options.is_open && !impl_->keys.has_any();
}

void Service::start() {
  impl_->tinker.start();
  impl_->http->start();
  impl_->jobs.start();
  impl_->webhooks.start();
}

void Service::stop() {
  if (impl_->is_stopping.exchange(true)) return;
  // Jobs save themselves while requests end.
  std::thread jobs([this] { impl_->jobs.stop(); });
  impl_->tinker.stop();
  impl_->http->stop();
  jobs.join();
  impl_->webhooks.stop();
}

}  // namespace gradus::service
