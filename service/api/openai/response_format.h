#pragma once

#include <memory>

#include "rollout/rollout_request.h"
#include "service/http/fields.h"
#include "service/models/loaded_model.h"

namespace gradus::service {

/// `response_format`: text, or a form that the answer is held to. Null: any text.
/// @throws HttpError  400 with param `response_format`: a form that cannot be held to exactly.
std::shared_ptr<rollout::LogitEditor> read_response_format(Fields& fields,
                                                           const LoadedModel& model);

}  // namespace gradus::service
