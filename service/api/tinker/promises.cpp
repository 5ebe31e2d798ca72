// Results: asked for by their promise's id, waited for without a thread.
#include <fmt/format.h>

#include "service/api/tinker/tinker_call.h"

namespace gradus::service {
namespace {

HttpError gone(const std::string& id) {
  return {410, "There is no promise `" + id + "`, or its result was dropped after it was fetched.",
          "promise_gone", "request_id"};
}

std::string read_promise_id(const Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  return fields.text("request_id", 256);
}

Promise promise_of_call(const Call& call, const std::string& id) {
  const auto promise = call.parts.tinker.promises().find(id, call.project());
  if (!promise) throw gone(id);
  return *promise;
}

/// Nothing yet, and why where the client itself holds it up.
Response try_again(const Call& call, const Promise& promise) {
  nlohmann::json answer{
      {"type", "try_again"}, {"request_id", promise.id}, {"queue_state", "active"}};
  const auto missing = promise.kind == "sample" || !promise.number
                           ? std::nullopt
                           : call.parts.tinker.models().missing(promise.owner);
  if (missing)
    answer["queue_state_reason"] =
        fmt::format("waits for the request of seq_id {}, which has not come", *missing);
  return json_response(answer);
}

/// The end of a promise, or that there is none yet.
Response end_response(const Call& call, const std::string& id) {
  auto& promises = call.parts.tinker.promises();
  const Promise promise = promise_of_call(call, id);
  if (promise.is_waiting()) return try_again(call, promise);
  const auto end = promises.end_of(id);
  if (!end) throw gone(id);
  promises.note_fetched(id);
  if (end->has_failed()) return json_response({{"error", end->error}, {"category", end->category}});
  Response response;
  response.body = end->result;
  if (end->is_protobuf) response.content_type = "application/x-protobuf";
  return response;
}

void answer_end(const std::shared_ptr<Call>& call, const std::string& id) {
  try {
    call->answer(end_response(*call, id));
  } catch (const std::exception& error) {  // the edge of a request
    call->answer(error_response(error));
  }
}

void retrieve(const std::shared_ptr<Call>& call) {
  const std::string id = read_promise_id(*call);
  auto& desk = call->parts.tinker.desk();
  promise_of_call(*call, id);
  // It waits before it is looked at, so that an end that comes in between is not missed.
  const auto ticket = desk.wait(id, [call, id] { answer_end(call, id); });
  if (!promise_of_call(*call, id).is_waiting()) {
    if (desk.forget(ticket)) answer_end(call, id);
    return;
  }
  call->exchange->when_gone([&desk, ticket] { desk.forget(ticket); });
}

/// Samples alone can be cancelled: training goes on in its order.
Response cancel(Call& call) {
  const std::string id = read_promise_id(call);
  const Promise promise = promise_of_call(call, id);
  const bool is_cancelled =
      promise.is_waiting() && promise.kind == "sample" && call.parts.tinker.sampling().cancel(id);
  return json_response({{"request_id", id}, {"cancelled", is_cancelled}});
}

constexpr Route kTinkerPromiseRoutes[] = {
    {"POST", "/api/v1/retrieve_future", Scope::infer, "the result of a promise", retrieve,
     BodyKind::json},
    {"POST", "/api/v1/cancel_future", Scope::infer, "stop a sample", answering<cancel>,
     BodyKind::json},
};

}  // namespace

extern const Resource kTinkerPromisesResource{"tinker promises", kTinkerPromiseRoutes};

}  // namespace gradus::service
