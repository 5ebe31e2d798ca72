#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/models/shared_policy.h"
#include "service/tinker/promise_store.h"
#include "service/tinker/session_store.h"

namespace gradus::service {

/// A model in training: adapters that one client moves by its requests, in the order of their
/// numbers. Its state is a folder that holds it as it was after request `state_seq`, and the
/// requests from there to `done_seq`, which are done again where the server was killed.
struct TrainingModel {
  std::string id;  ///< "SESSION:train:N"
  std::string project;
  std::string session;
  int64_t number = 0;
  std::string base;
  AdapterShape shape;
  nlohmann::json metadata;
  int64_t created = 0;
  int64_t last_request = 0;
  int64_t done_seq = -1;
  int64_t state_seq = -1;
  std::string state;       ///< the folder's name; empty: none was written yet
  bool is_closed = false;  ///< takes no more requests
  std::string fault;       ///< its state on the disk cannot be read
};

/// Rows of training models and their requests. Any thread.
class TrainingStore {
 public:
  explicit TrainingStore(Store& store) : store_(store) {}

  /// Makes the model with the promise of its first request (number 0), or gives the promise that
  /// its session and number have. @throws HttpError 400: the number was used for another model, or
  /// too many are open.
  Promise create(const TrainingModel& model, const Promise& first, int64_t max_models);
  std::optional<TrainingModel> find(const std::string& id, const std::string& project) const;
  std::optional<TrainingModel> find_any(const std::string& id) const;

  struct Page {
    std::vector<TrainingModel> models;
    int64_t total = 0;
  };
  /// Newest first.
  Page list(const std::string& project, const ListWish& wish) const;

  /// Takes a request in, or gives the promise that its number has. A refused one (state "refused")
  /// is kept as well: its number is used up. @throws HttpError 400: the number was used for another
  /// request, the model is closed; 429: too many wait.
  Promise accept(const Promise& promise, int64_t max_waiting);
  /// An answer without a place in the order, kept at once.
  void add_kept(const Promise& promise, const std::string& result);

  /// The request whose turn it is, with its body, also where it was refused.
  std::optional<Promise> next(const std::string& model) const;
  /// The number that all others wait for because it has not come. @return  nothing: none is
  /// missing.
  std::optional<int64_t> missing(const std::string& model) const;
  /// Requests that are to be done again after a start, in order, with their bodies.
  std::vector<Promise> done_since_state(const TrainingModel& model) const;

  /// What changes when a request is done.
  struct Done {
    PromiseEnd end;
    std::string new_state;                  ///< a folder; empty: none was written
    std::function<void(Database&)> effect;  ///< in the same commit; may be empty and may throw
  };
  void finish(const TrainingModel& model, const Promise& promise, const Done& done);
  /// A state was written between requests. @param at  the number it holds.
  void put_state(const std::string& model, int64_t at, const std::string& folder);
  void note_fault(const std::string& model, const std::string& fault);

  /// Takes no more requests. @return  false: it was closed already.
  bool close(const std::string& model);
  /// Fails what waits and drops bodies and state of a closed one.
  /// @return  ids of the promises that failed.
  std::vector<std::string> release(const std::string& model);
  /// Models that have something to do: requests that wait, or to be released.
  std::vector<std::string> to_do() const;
  /// Folders of states that are in use.
  std::vector<std::string> states() const;

 private:
  Store& store_;
};

}  // namespace gradus::service
