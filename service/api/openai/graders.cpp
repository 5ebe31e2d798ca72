// /v1/fine_tuning/alpha/graders: graders tried before a job is made of them.
#include "service/api/call.h"
#include "service/api/grader_desk.h"
#include "service/api/parts.h"
#include "service/http/fields.h"

namespace gradus::service {
namespace {

Response validate_grader(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const auto& grader = fields.need("grader");
  fields.finish();
  call.parts.graders.check(grader, "grader", call.project());
  return json_response({{"grader", grader}});
}

Response run_grader(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const auto& grader = fields.need("grader");
  const std::string sample = fields.text("model_sample", size_t{8} << 20);
  const auto* item = fields.find("item");
  if (item != nullptr && !item->is_object()) refuse_field_type("item", "an object", *item);
  fields.pass_over({"reference_answer"});
  fields.finish();
  call.parts.graders.check(grader, "grader", call.project());
  return json_response(call.parts.graders.run(
      grader, sample, item == nullptr ? nlohmann::json::object() : *item, call.project()));
}

constexpr Route kGraderRoutes[] = {
    {"POST", "/v1/fine_tuning/alpha/graders/validate", Scope::jobs, "check a grader",
     answering<validate_grader>, BodyKind::json},
    {"POST", "/v1/fine_tuning/alpha/graders/run", Scope::jobs, "run a grader on a sample",
     answering<run_grader>, BodyKind::json},
};

}  // namespace

extern const Resource kGradersResource{"graders", kGraderRoutes};

}  // namespace gradus::service
