// /v1/fine_tuning/jobs
#include <charconv>
#include <thread>

#include "base/json.h"
#include "base/sha256.h"
#include "service/api/call.h"
#include "service/api/openai/chat_run.h"
#include "service/api/openai/event_stream.h"
#include "service/api/openai/job_fields.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/jobs/job_service.h"

namespace gradus::service {
namespace {

Job job_of_call(Call& call) {
  const std::string& id = call.place("job_id");
  const auto job = call.parts.job_store.find(id, call.project());
  if (job) return *job;
  throw HttpError(404, "Could not find fine tune: " + id, "fine_tune_not_found", "fine_tune_id");
}

Response answer_with(Call& call, const Job& job) {
  return json_response(job_json(job, call.parts.config.organization));
}

Response create_job(Call& call) {
  if (call.parts.is_stopping()) {
    HttpError error(503, "The server is stopping.", "shutting_down");
    error.headers = {{"retry-after", "5"}};
    throw error;
  }
  const auto body = call.body();
  Job job = read_job(call, body);
  call.parts.jobs.check(job);
  const std::string key(call.request().header("idempotency-key"));
  if (key.size() > 255) throw HttpError(400, "The Idempotency-Key is too long.", "invalid_value");
  job = call.parts.job_store.create(std::move(job), key, sha256(dump_json(body)),
                                    call.parts.config.jobs.queued);
  call.parts.jobs.wake();
  return answer_with(call, job);
}

/// metadata[key]=value pairs, and metadata=null.
bool read_metadata_filter(const Request& request,
                          std::vector<std::pair<std::string, std::string>>& pairs) {
  bool wants_none = false;
  for (const auto& [name, value] : parse_query(request.query)) {
    if (name == "metadata" && value == "null") wants_none = true;
    if (name.starts_with("metadata[") && name.ends_with("]"))
      pairs.emplace_back(name.substr(9, name.size() - 10), value);
  }
  return wants_none;
}

Response list_jobs(Call& call) {
  const PageWish wish = read_page(call.request(), 20, 100);
  std::vector<std::pair<std::string, std::string>> pairs;
  const bool wants_none = read_metadata_filter(call.request(), pairs);
  const auto page =
      call.parts.job_store.list(call.project(), wish.after, wish.limit, pairs, wants_none);
  if (!page.knows_after) refuse_field("after", "no job of this id");
  auto data = nlohmann::json::array();
  for (const auto& job : page.items) data.push_back(job_json(job, call.parts.config.organization));
  return json_response(page_json(std::move(data), page.has_more));
}

Response get_job(Call& call) {
  return answer_with(call, job_of_call(call));
}
Response cancel_job(Call& call) {
  return answer_with(call, call.parts.jobs.cancel(job_of_call(call)));
}
Response pause_job(Call& call) {
  return answer_with(call, call.parts.jobs.pause(job_of_call(call)));
}
Response resume_job(Call& call) {
  return answer_with(call, call.parts.jobs.resume(job_of_call(call)));
}

void list_events(const std::shared_ptr<Call>& call) {
  const Job job = job_of_call(*call);
  const bool streams =
      call->request().header("accept").find("text/event-stream") != std::string_view::npos ||
      call->request().query_value("stream") == "true";
  if (streams) return call->parts.streams.add(call, job);
  const PageWish wish = read_page(call->request(), 20, 100);
  const auto page = call->parts.job_store.events(job.id, wish.after, wish.limit);
  if (!page.knows_after) refuse_field("after", "no event of this id");
  auto data = nlohmann::json::array();
  for (const auto& event : page.items) data.push_back(event_json(event));
  call->answer_json(page_json(std::move(data), page.has_more));
}

constexpr Route kJobRoutes[] = {
    {"POST", "/v1/fine_tuning/jobs", Scope::jobs, "make a fine-tuning job", answering<create_job>,
     BodyKind::json},
    {"GET", "/v1/fine_tuning/jobs", Scope::jobs, "list jobs", answering<list_jobs>},
    {"GET", "/v1/fine_tuning/jobs/{job_id}", Scope::jobs, "a job", answering<get_job>},
    {"POST", "/v1/fine_tuning/jobs/{job_id}/cancel", Scope::jobs, "cancel a job",
     answering<cancel_job>, BodyKind::json},
    {"POST", "/v1/fine_tuning/jobs/{job_id}/pause", Scope::jobs, "pause a job at a checkpoint",
     answering<pause_job>, BodyKind::json},
    {"POST", "/v1/fine_tuning/jobs/{job_id}/resume", Scope::jobs, "go on with a paused job",
     answering<resume_job>, BodyKind::json},
    {"GET", "/v1/fine_tuning/jobs/{job_id}/events", Scope::jobs, "a job's events, or their stream",
     list_events},
};

}  // namespace

extern const Resource kJobsResource{"jobs", kJobRoutes};

}  // namespace gradus::service
