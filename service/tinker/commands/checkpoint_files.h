#pragma once

#include <string>

#include "service/tinker/commands/training_command.h"

namespace gradus::service {

/// What is asked of a checkpoint.
struct CheckpointWish {
  std::string name;  ///< empty: nobody names it
  int64_t ttl_s = 0;
  bool overwrites = false;
  nlohmann::json metadata;
};

/// path, ttl_seconds, user_metadata. @throws HttpError, RequestError
CheckpointWish read_checkpoint_wish(Fields& fields);

/// Writes the state as it is to a folder of its own, durably, and makes its row in the result's
/// effect. @return  the row.
TrainedCheckpoint save_checkpoint(CommandContext& context, const CheckpointWish& wish,
                                  const std::string& kind, CommandResult& result);

}  // namespace gradus::service
