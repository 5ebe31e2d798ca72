#pragma once

#include <string_view>

#include "service/api/tinker/tinker_call.h"

namespace gradus::service {

/// Takes a request of a training model in: it is checked, written down under its number, and its
/// promise is answered. What is refused has its row as well, because its number is used up.
/// @throws HttpError  the refusal; also of a request that comes again.
Response submit_command(Call& call, const TrainingCommand& command);

/// Name of a command in the table of routes.
template <const char* name>
Response submitting(Call& call) {
  return submit_command(call, *find_training_command(name));
}

}  // namespace gradus::service
