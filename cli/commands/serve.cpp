#include <fmt/format.h>
#include <pthread.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/process/service_manager.h"
#include "base/quantity.h"
#include "base/settings/setting.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "service/backup.h"
#include "service/service.h"

namespace gradus::cli {
namespace {

struct ServeOptions {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> models;
  std::vector<std::string> watched;
  bool is_open = false;
  std::string config;
  std::vector<std::string> settings;
};

constexpr int64_t kMaxConfigBytes = 1 << 20;

service::ServiceOptions service_options(const ServeOptions& options, Session& session) {
  service::ServiceOptions wanted;
  wanted.data_dir = options.data;
  wanted.listen = options.listen;
  wanted.is_open = options.is_open;
  for (const auto& folder : options.watched) {
    if (!std::filesystem::is_directory(folder))
      throw ArgumentError("--watch: " + folder + " is no folder");
    wanted.watched.emplace_back(std::filesystem::absolute(folder).lexically_normal());
  }
  if (!options.config.empty())
    read_settings(wanted.config, read_file(options.config, kMaxConfigBytes), options.config);
  for (const auto& setting : options.settings) apply_set(wanted.config, setting);
  check_settings(wanted.config, "serve");
  for (const auto& model : options.models) {
    const size_t equals = model.find('=');
    if (equals == std::string::npos || equals == 0)
      throw ArgumentError("--model: is " + model + ", must be NAME=PATH");
    wanted.models.emplace_back(model.substr(0, equals), checkpoint_path(model.substr(equals + 1)));
  }
  wanted.log = [&session](std::string_view line) { session.err << line << std::endl; };
  return wanted;
}

void serve(const ServeOptions& options, Session& session) {
  auto wanted = service_options(options, session);
  use_threads({}, wanted.config.models.threads);
  service::Service service(std::move(wanted));
  session.out << "listening on " << service.url() << std::endl;
  if (service.needs_keys()) {
    session.err
        << "note: there are no keys, and every request needs one; make one with: gradus keys "
           "add --data "
        << options.data << " --name NAME" << std::endl;
  }
  service.start();
  const auto tell = [&](const char* state) {
    if (const auto fault = tell_service_manager(state); !fault.empty())
      session.err << "warning: " << fault << std::endl;
  };
  tell("READY=1");
  while (!session.stop.stop_requested()) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  tell("STOPPING=1");
  service.stop();
}

void declare_serve(Command app, Session& session) {
  auto options = std::make_shared<ServeOptions>();
  app.add_option("--data", options->data, "folder of everything that the service keeps; needed");
  app.add_option("--listen", options->listen, "address and port; port 0: a free one");
  app.add_option("--model", options->models,
                 "NAME=PATH: a further base model; repeatable (nano is always there)");
  app.add_option("--watch", options->watched,
                 "folder of runs of `gradus train` that the page shows too; repeatable")
      .one_each();
  app.add_flag("--open", options->is_open, "ask for no keys; on loopback alone");
  app.add_option("--config", options->config, "TOML file of settings (docs/service.md)");
  app.add_option("--set", options->settings, "change a setting, e.g. jobs.running=2; repeatable")
      .one_each();
  app.callback([options, app, &session] {
    if (app.has_subcommand()) return;
    if (options->data.empty()) throw ArgumentError("--data: is missing; name the service's folder");
    serve(*options, session);
  });
}

struct BackupOptions {
  std::string data;
  std::string to;
};

void declare_backup(Command app, Session& session) {
  auto options = std::make_shared<BackupOptions>();
  app.add_option("--data", options->data, "the service's folder").required();
  app.add_option("--to", options->to, "folder that is made").required();
  app.callback([options, &session] {
    const auto counts = service::back_up_service(options->data, options->to);
    session.out << fmt::format("{}: {} files, {}\n", options->to, counts.files,
                               bytes_text(static_cast<double>(counts.bytes)));
  });
}

}  // namespace

extern const CommandRecord kServeBackupCommand{
    "serve", "backup", "copy a service's folder while it serves", declare_backup};

extern const CommandRecord kServeCommand{
    "", "serve", "answer OpenAI's API: fine-tuning jobs, files, graders, chats", declare_serve};

}  // namespace gradus::cli
