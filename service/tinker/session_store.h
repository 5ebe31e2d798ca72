#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "service/store/store.h"

namespace gradus::service {

/// A client's session: what it made lives no longer than it, but for what was saved by name.
struct Session {
  std::string id;  ///< "sess-..."
  std::string project;
  int64_t created = 0;
  int64_t finished = 0;  ///< 0: it goes on
  std::string reason;    ///< success, errored, interrupted, or silent: its heartbeats stayed away
  nlohmann::json tags = nlohmann::json::array();
  nlohmann::json metadata;
  std::string display_name;
  std::string client_project;  ///< a label of the client's, not a tenant
};

/// A sampling session: weights that stay what they are.
struct Sampler {
  std::string id;  ///< "SESSION:sample:N"
  std::string project;
  std::string session;
  int64_t number = 0;
  std::string base;
  std::string path;        ///< tinker://..., empty: of the base, or of weights without a name
  std::string checkpoint;  ///< its id; empty: the base alone
  std::string follows;     ///< a training model whose "inflight" saves change the checkpoint
};

/// Offset and limit of a list.
struct ListWish {
  int64_t limit = 20;
  int64_t offset = 0;
};

/// Rows of sessions and samplers. Any thread.
class SessionStore {
 public:
  explicit SessionStore(Store& store) : store_(store) {}

  /// @param idempotency  the same text gives the same session; empty: a new one.
  Session create(Session session, const std::string& idempotency);
  std::optional<Session> find(const std::string& id, const std::string& project) const;
  /// @return  false: it is over, or there is none.
  bool beat(const std::string& id, const std::string& project);
  /// The first reason stays. @return  whether it was going on.
  bool finish(const std::string& id, const std::string& reason, const std::string& detail);
  /// Sessions without a heartbeat since then, which are over now.
  std::vector<std::string> finish_silent(int64_t since);
  /// The server begins: the time it was away does not count.
  void begin_anew();
  void label(const std::string& id, const std::string& client_project);

  struct Page {
    std::vector<std::string> ids;
    int64_t total = 0;
  };
  /// Newest first.
  Page list(const std::string& project, const ListWish& wish) const;
  std::vector<std::string> model_ids(const std::string& session) const;
  std::vector<std::string> sampler_ids(const std::string& session) const;

  /// @throws HttpError 400: the number was used for another one; 410: the session is over.
  Sampler add(Sampler sampler);
  std::optional<Sampler> find_sampler(const std::string& id, const std::string& project) const;
  bool is_open(const std::string& session) const;

 private:
  Store& store_;
};

/// Within a write. @throws HttpError 400: there is no such session, or it is over.
void check_session_is_open(Database& database, const std::string& session,
                           const std::string& project);
/// Within a write: makes the sampler, and points all that follow the same model at its checkpoint.
/// @throws HttpError 400: the number was used for another one.
void put_sampler(Database& database, const Sampler& sampler, int64_t now);

}  // namespace gradus::service
