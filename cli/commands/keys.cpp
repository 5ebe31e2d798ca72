// gradus keys add, list, revoke
#include "service/store/keys.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/json.h"
#include "cli/commands/command_record.h"

namespace gradus::cli {
namespace {

struct KeyOptions {
  std::string data;
  service::NewKey wanted;
  double days = 0.0;
  std::string id;
  bool as_json = false;
};

void add_key_options(Command app, KeyOptions& options) {
  app.add_option("--data", options.data, "the service's folder").required();
  app.add_flag("--json", options.as_json, "as JSON");
}

void add_key(KeyOptions options, Session& session) {
  std::filesystem::create_directories(options.data);
  service::Store store(options.data);
  if (options.days < 0.0) throw ArgumentError("--days: must be at least 0");
  if (options.days > 0.0)
    options.wanted.expires = store.now() + static_cast<int64_t>(options.days * 86400.0);
  const auto made = service::KeyStore(store).add(options.wanted);
  if (options.as_json) {
    session.out << dump_json({{"id", made.id}, {"key", made.key}}) << "\n";
    return;
  }
  session.out << made.key << "\n";
  session.err << "this is shown once; its id is " << made.id << "\n";
}

void list_keys(const KeyOptions& options, Session& session) {
  service::Store store(options.data);
  auto list = nlohmann::json::array();
  for (const auto& key : service::KeyStore(store).list()) {
    list.push_back({{"id", key.id},
                    {"name", key.name},
                    {"project", key.project},
                    {"begins", key.hint},
                    {"scopes", key.scopes},
                    {"created", key.created},
                    {"expires", key.expires > 0 ? nlohmann::json(key.expires) : nullptr},
                    {"last_used", key.last_used > 0 ? nlohmann::json(key.last_used) : nullptr},
                    {"revoked", key.revoked > 0}});
  }
  if (options.as_json) {
    session.out << dump_json(list) << "\n";
    return;
  }
  for (const auto& key : list) {
    session.out << fmt::format("{}  {:<20} {:<12} {}...  {}{}\n", key["id"].get<std::string>(),
                               key["name"].get<std::string>(), key["project"].get<std::string>(),
                               key["begins"].get<std::string>(),
                               fmt::join(key["scopes"].get<std::vector<std::string>>(), ","),
                               key["revoked"].get<bool>() ? "  revoked" : "");
  }
}

void revoke_key(const KeyOptions& options, Session& session) {
  service::Store store(options.data);
  if (!service::KeyStore(store).revoke(options.id))
    throw ArgumentError(options.id + ": there is no such key, or it is revoked already");
  session.out << options.id << " is revoked\n";
}

void declare_keys_add(Command app, Session& session) {
  auto options = std::make_shared<KeyOptions>();
  add_key_options(app, *options);
  app.add_option("--name", options->wanted.name, "of the key, for people").required();
  app.add_option("--scope", options->wanted.scopes,
                 "infer, files, jobs, metrics or admin; repeatable; none: infer, files and jobs");
  app.add_option("--project", options->wanted.project, "whose files, jobs and models it sees");
  app.add_option("--days", options->days, "days after which it expires; 0: never");
  app.callback([options, &session] { add_key(*options, session); });
}

void declare_keys_list(Command app, Session& session) {
  auto options = std::make_shared<KeyOptions>();
  add_key_options(app, *options);
  app.callback([options, &session] { list_keys(*options, session); });
}

void declare_keys_revoke(Command app, Session& session) {
  auto options = std::make_shared<KeyOptions>();
  add_key_options(app, *options);
  app.add_option("id", options->id, "as `gradus keys list` shows it").required();
  app.callback([options, &session] { revoke_key(*options, session); });
}

}  // namespace

extern const CommandRecord kKeysAddCommand{"keys", "add", "make a key; it is shown once",
                                           declare_keys_add};
extern const CommandRecord kKeysListCommand{"keys", "list", "the keys there are",
                                            declare_keys_list};
extern const CommandRecord kKeysRevokeCommand{"keys", "revoke", "make a key worthless",
                                              declare_keys_revoke};

}  // namespace gradus::cli
