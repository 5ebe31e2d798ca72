// /api/gradus/v1/runs: what the page shows of jobs and of watched runs.
#include <charconv>

#include "base/error.h"
#include "runs/evaluation_files.h"
#include "runs/run_view.h"
#include "runs/sample_groups.h"
#include "service/api/call.h"
#include "service/api/parts.h"
#include "service/http/fields.h"
#include "service/web/run_json.h"

namespace gradus::service {
namespace {

using nlohmann::json;

ShelvedRun run_of_call(Call& call) {
  const std::string& id = call.place("run_id");
  auto run = call.parts.runs.find(id, call.key);
  if (run) return std::move(*run);
  throw HttpError(404, "There is no run " + id + ".", "run_not_found", "run_id");
}

int64_t query_number(const Call& call, const char* name, int64_t if_absent, int64_t high) {
  const std::string text = call.request().query_value(name);
  if (text.empty()) return if_absent;
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < -1 || value > high)
    refuse_field(name, "must be a whole number");
  return value;
}

/// Answers with what `make` gives. A run that is not begun, or whose file is not there, is a 404
/// and a damaged one a 422, with the reason and without this machine's paths.
template <class Make>
Response shown(Call& call, const ShelvedRun& run, Make make) {
  const bool shows_paths = call.key.may(Scope::admin);
  json value;
  try {
    value = make();
  } catch (const FileError& error) {
    json why = error.what();
    if (!shows_paths) hide_paths(why, call.parts.data_dir);
    const bool is_missing = error.kind() == "missing" || !runs::is_run(run.path);
    throw HttpError(is_missing ? 404 : 422, why.get<std::string>(),
                    is_missing ? "not_there" : "run_unreadable", "run_id");
  }
  if (!shows_paths) hide_paths(value, call.parts.data_dir);
  return json_response(value);
}

Response list_runs(Call& call) {
  auto data = json::array();
  for (const auto& run : call.parts.runs.list(call.key))
    data.push_back(run_summary(run, call.parts.runs.views()));
  if (!call.key.may(Scope::admin)) hide_paths(data, call.parts.data_dir);
  return json_response({{"data", std::move(data)}});
}

Response get_run(Call& call) {
  const auto run = run_of_call(call);
  return shown(call, run, [&] {
    return run_detail(run, call.parts.runs.views(), call.parts.job_store,
                      call.key.may(Scope::admin));
  });
}

Response get_metrics(Call& call) {
  const auto run = run_of_call(call);
  const int64_t after = query_number(call, "after", -1, INT64_MAX);
  return shown(call, run, [&] { return run_metrics(run, call.parts.runs.views(), after); });
}

Response get_timeline(Call& call) {
  const auto run = run_of_call(call);
  return shown(call, run, [&] { return run_timeline(run, call.parts.runs.views()); });
}

Response get_groups(Call& call) {
  const auto run = run_of_call(call);
  const int64_t step = query_number(call, "step", 0, INT64_MAX);
  const int64_t first = query_number(call, "first", 0, 1 << 30);
  const int64_t limit = query_number(call, "limit", 4, 32);
  return shown(call, run, [&] {
    const auto page = runs::read_groups(run.path, step, first, limit);
    auto groups = json::array();
    for (const auto& group : page.groups) {
      groups.push_back({{"prompt_id", group.prompt_id},
                        {"prompt", group.prompt},
                        {"completions", group.completions}});
    }
    return json{{"step", step}, {"total", page.total}, {"groups", std::move(groups)}};
  });
}

json answer_json_of(const runs::EvaluatedAnswer& answer) {
  auto grades = json::array();
  for (const auto& [rule, grade] : answer.grades)
    grades.push_back({{"rule", rule}, {"grade", grade}});
  return {{"text", answer.completion},   {"answer", answer.answer},
          {"gold", answer.gold},         {"reason", answer.reason},
          {"finish", answer.finish},     {"num_tokens", answer.num_tokens},
          {"is_right", answer.is_right}, {"grades", std::move(grades)}};
}

Response get_evaluation(Call& call) {
  constexpr size_t kMostProblems = 500;
  const auto run = run_of_call(call);
  const int64_t step = query_number(call, "step", 0, INT64_MAX);
  return shown(call, run, [&] {
    const auto problems = runs::read_evaluation(run.path, step);
    auto list = json::array();
    for (size_t i = 0; i < std::min(problems.size(), kMostProblems); ++i) {
      auto answers = json::array();
      for (const auto& answer : problems[i].answers) answers.push_back(answer_json_of(answer));
      list.push_back({{"set", problems[i].set},
                      {"id", problems[i].id},
                      {"prompt", problems[i].prompt},
                      {"right", problems[i].share_right()},
                      {"answers", std::move(answers)}});
    }
    return json{{"step", step}, {"total", problems.size()}, {"problems", std::move(list)}};
  });
}

constexpr Route kRunRoutes[] = {
    {"GET", "/api/gradus/v1/runs", Scope::jobs, "jobs and watched runs, for the page",
     answering<list_runs>},
    {"GET", "/api/gradus/v1/runs/{run_id}", Scope::jobs,
     "a run with its state, advice, cost and evaluations", answering<get_run>},
    {"GET", "/api/gradus/v1/runs/{run_id}/metrics", Scope::jobs, "a run's figures by step",
     answering<get_metrics>},
    {"GET", "/api/gradus/v1/runs/{run_id}/timeline", Scope::jobs,
     "where a run's time went, by step", answering<get_timeline>},
    {"GET", "/api/gradus/v1/runs/{run_id}/groups", Scope::jobs, "completions of a step, by prompt",
     answering<get_groups>},
    {"GET", "/api/gradus/v1/runs/{run_id}/evaluation", Scope::jobs, "problems of an evaluation",
     answering<get_evaluation>},
};

}  // namespace

extern const Resource kRunsResource{"runs", kRunRoutes};

}  // namespace gradus::service
