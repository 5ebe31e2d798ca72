#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "service/api/call.h"
#include "service/jobs/job_store.h"

namespace gradus::service {

/// A job from the body of POST /v1/fine_tuning/jobs, all its fields checked, files and model looked
/// up. @throws HttpError  400 with `param` in dotted form.
Job read_job(Call& call, const nlohmann::json& body);

/// fine_tuning.job as OpenAI has it.
nlohmann::json job_json(const Job& job, const std::string& organization);
nlohmann::json event_json(const JobEvent& event);

}  // namespace gradus::service
