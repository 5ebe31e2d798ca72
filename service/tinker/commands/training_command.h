#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "service/models/model_host.h"
#include "service/tinker/checkpoint_store.h"
#include "service/tinker/training_store.h"
#include "service/training/adapter_training.h"

namespace gradus::service {

class Fields;

/// What a request of a training model works on.
struct CommandContext {
  const TrainingModel& model;
  const Promise& promise;  ///< with its body
  SharedPolicy& shared;
  const ModelFacts& facts;
  AdapterState& state;  ///< changed by the command
  CheckpointStore& checkpoints;
  int64_t now = 0;
};

struct CommandResult {
  std::string result;  ///< as the client is sent it
  bool is_protobuf = false;
  /// The state must be written now: what it came from may be gone at the next start.
  bool wants_snapshot = false;
  std::function<void(Database&)> effect;  ///< in the commit of the result; may be empty
  std::filesystem::path folder;           ///< made for it; removed where the commit fails
};

/// One kind of request that has its place in a training model's order: a record in its own file and
/// a line in records.inc.
struct TrainingCommand {
  std::string_view name;  ///< of the route and of the promise's kind
  bool is_protobuf = false;
  bool changes_state = false;  ///< and is done again where the state was lost
  /// Refuses at once what can never work. @throws HttpError, RequestError
  void (*check)(std::string_view body, const ModelFacts& facts);
  /// The request in one form, whoever wrote it: equal texts are the same request.
  std::string (*plain)(std::string_view body);
  /// @throws RequestError  the client's mistake; the state may be changed.
  CommandResult (*run)(CommandContext& context);
};

/// @return  null: there is none of that name.
const TrainingCommand* find_training_command(std::string_view name);

/// TrainingCommand::plain of JSON bodies.
std::string plain_json(std::string_view body);
/// A body that was checked when it came.
nlohmann::json body_of(const CommandContext& context);

/// `ttl_seconds`: 0: never. @throws HttpError
int64_t read_ttl(Fields& fields);
/// Seconds since 1970; 0: never.
int64_t expiry_of(int64_t ttl_s, int64_t now);
/// `user_metadata`: an object of at most 16 KiB, or null. @throws HttpError
nlohmann::json read_user_metadata(Fields& fields);

}  // namespace gradus::service
