#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/tinker/commands/training_command.h"
#include "service/tinker/tinker_service.h"

namespace gradus::service {

/// What the handlers of /api/v1 have in common.

/// @throws HttpError 404: there is none of that id in the caller's project.
Session session_of_call(const Call& call, const std::string& id);
TrainingModel training_model_of_call(const Call& call, const std::string& id);
ModelEntry base_of_call(const Call& call, const std::string& name);
TrainedCheckpoint checkpoint_of_call(const Call& call, const TrainedPath& path);

/// `limit` (1 to 1000) and `offset` of a list. @throws HttpError
ListWish read_list(const Request& request);
nlohmann::json cursor_json(const ListWish& wish, int64_t total);

/// "2026-11-29T12:00:00Z".
std::string time_text(int64_t seconds);
nlohmann::json checkpoint_json(const TrainedCheckpoint& checkpoint);
/// Metadata as lists show it: with texts alone.
nlohmann::json metadata_texts(const nlohmann::json& metadata);
nlohmann::json text_or_nothing(const std::string& text);

/// A promise that is about to be made, with an id and a seed of its own.
Promise new_promise(const Call& call, const std::string& kind);
uint64_t fresh_seed();
/// {"request_id", "model_id"}.
nlohmann::json promise_json(const Promise& promise);

}  // namespace gradus::service
