#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/store/store.h"

namespace gradus::service {

/// A request that was acknowledged and whose result is fetched by its id. It is a row before the
/// client hears of it, with all that its result depends on, and so outlives the server.
struct Promise {
  std::string id;  ///< "prm-..."
  std::string project;
  std::string session;
  std::string owner;              ///< a training model, or a sampling session
  std::optional<int64_t> number;  ///< its seq_id; nothing: it has no place in an order
  std::string kind;               ///< "forward_backward", "sample", ...
  std::string hash;               ///< of what was asked, for requests that come again
  std::string key;                ///< whose request it is
  std::string body;               ///< empty in what `find` gives
  uint64_t seed = 0;              ///< of all chance in it, chosen when it was acknowledged
  std::string state = "waiting";  ///< waiting, kept, failed; refused: answered with `status`
  std::string error;
  std::string category;  ///< of the error: user or server
  int status = 0;

  bool is_waiting() const { return state == "waiting"; }
};

/// Tokens that a sample took, for the project's usage.
struct SampleUsage {
  std::string project;
  std::string key;
  std::string model;
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
};

/// What became of a promise.
struct PromiseEnd {
  std::string result;
  bool is_protobuf = false;
  std::string error;  ///< not empty: it failed
  std::string category;
  std::optional<SampleUsage> usage = std::nullopt;
  bool has_failed() const { return !error.empty(); }
};

/// Rows of promises. Any thread.
class PromiseStore {
 public:
  explicit PromiseStore(Store& store) : store_(store) {}

  /// Makes the row, or gives the one that owner and number have already.
  /// @param max_waiting  of the owner's project and kind "sample".
  /// @throws HttpError 400: the number was used for another request; 429.
  Promise add_sample(const Promise& promise, int64_t max_waiting);
  std::optional<Promise> find(const std::string& id, const std::string& project) const;
  /// Those of a kind that wait, with their bodies, oldest first.
  std::vector<Promise> waiting_of_kind(const std::string& kind) const;
  /// The end of one that has ended. @return  nothing: it waits, or its result was dropped.
  std::optional<PromiseEnd> end_of(const std::string& id) const;
  void note_fetched(const std::string& id);
  /// Many at once, in one commit. Those that have ended already stay.
  void keep(const std::vector<std::pair<std::string, PromiseEnd>>& ends);
  /// Drops what is out of use: fetched before `since`, and a later one of the same training model
  /// was fetched, too, or its session ended before `since`. What may have to be done again stays.
  void drop_old(int64_t since);

 private:
  Store& store_;
};

/// Within a write: the row that owner and number have, or a new one.
/// @throws HttpError 400: the number was used for another request.
std::optional<Promise> find_numbered(Database& database, const Promise& promise);
void insert_promise(Database& database, const Promise& promise, int64_t now);
void end_promise(Database& database, const std::string& id, const PromiseEnd& end, int64_t now);
Promise promise_of(const SqlRow& row, bool has_body);
/// "SELECT ... FROM promises p ", for promise_of. @param has_body  the body is the last column.
std::string promise_columns(bool has_body);

}  // namespace gradus::service
