// GET /v1/organization/usage/completions: tokens of the project by key and model.
#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

int64_t time_of_query(const Request& request, const char* name, int64_t if_absent) {
  const std::string text = request.query_value(name);
  if (text.empty()) return if_absent;
  if (text.size() > 12 || text.find_first_not_of("0123456789") != std::string::npos)
    refuse_field(name, "must be seconds since 1970");
  return std::stoll(text);
}

Response list_usage(Call& call) {
  const int64_t begin = time_of_query(call.request(), "start_time", 0);
  const int64_t end = time_of_query(call.request(), "end_time", INT64_MAX);
  const auto rows = call.parts.store.read([&](Database& database) {
    return database.query(
        "SELECT model, key, count(*), sum(prompt_tokens), sum(completion_tokens) FROM usage WHERE "
        "project=? AND created>=? AND created<? GROUP BY model, key ORDER BY model, key",
        {call.project(), begin, end});
  });
  auto results = nlohmann::json::array();
  for (const auto& row : rows) {
    results.push_back({{"object", "organization.usage.completions.result"},
                       {"model", row.text(0)},
                       {"api_key_id", row.text(1)},
                       {"project_id", call.project()},
                       {"num_model_requests", row.integer(2)},
                       {"input_tokens", row.integer(3)},
                       {"output_tokens", row.integer(4)},
                       {"input_cached_tokens", 0}});
  }
  return json_response({{"object", "page"},
                        {"data",
                         {{{"object", "bucket"},
                           {"start_time", begin},
                           {"end_time", end == INT64_MAX ? call.parts.store.now() : end},
                           {"results", std::move(results)}}}},
                        {"has_more", false},
                        {"next_page", nullptr}});
}

constexpr Route kUsageRoutes[] = {
    {"GET", "/v1/organization/usage/completions", Scope::infer, "tokens by key and model",
     answering<list_usage>},
};

}  // namespace

extern const Resource kUsageResource{"usage", kUsageRoutes};

}  // namespace gradus::service
