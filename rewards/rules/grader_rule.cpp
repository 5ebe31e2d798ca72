// Rule `grader`: a grader in OpenAI's JSON form (docs/rewards.md), from a file or from the recipe.
//
//   `item` is the data row, `sample` the completion. The value is the grader's reward. An error of
//   the grader (a field that is absent, code that raises, a model that gives no number) makes the
//   grade failed, or timed out, with its reason; with on_error = "zero" it counts as 0, as with
//   OpenAI, and the reason stays in the record.

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "rewards/graders/grader.h"
#include "rewards/graders/http_services.h"
#include "rewards/rule_record.h"

namespace gradus::rewards {
namespace {

using namespace graders;
using nlohmann::json;

enum class OnError { failed, zero };

struct GraderConfig {
  std::string file;
  json grader;
  OnError on_error = OnError::failed;
  bool output_json = true;
  int max_concurrent = 8;
  outbound::OutboundConfig outbound;
  ModelServerConfig models;
  GraderPythonConfig python;
};

template <class Field>
void describe(GraderConfig& c, Field&& field) {
  field("file", c.file, any(), "file with the grader's JSON; or give it as `grader`");
  field("grader", c.grader, any(), "the grader itself, as a table");
  field("on_error", c.on_error,
        one_of<OnError>({{"failed", OnError::failed}, {"zero", OnError::zero}}),
        "an error of the grader is a failed grade, or counts as 0 as with OpenAI");
  field("output_json", c.output_json, any(),
        "completions that are JSON are read into sample.output_json");
  field("max_concurrent", c.max_concurrent, between(1, 256),
        "completions of a group that servers and sandboxes grade at once");
  field.section("outbound", c.outbound, "servers that model and endpoint graders may ask");
  field.section("models", c.models, "the server of the models that judge");
  field.section("python", c.python, "how Python graders run");
}

class GraderRule final : public RewardRule {
 public:
  GraderRule(std::string name, const GraderConfig& options, const json& spec,
             const std::string& where)
      : name_(std::move(name)),
        on_error_(options.on_error),
        output_json_(options.output_json),
        version_("sha256:" + sha256(dump_json(spec))),
        services_(
            options.models,
            std::make_shared<outbound::HttpClient>(options.outbound, where + ": outbound", clock_),
            std::make_unique<PythonRunner>(options.python), options.outbound.secret_file,
            where + ": models"),
        grader_(make_grader(spec, services_)) {
    check_parts(spec, "grader", where);
    // What stays in this process gains nothing from waiting at once.
    const std::string text = dump_json(spec);
    for (const char* type : {"\"python\"", "\"score_model\"", "\"label_model\"", "\"endpoint\""}) {
      if (text.find(type) != std::string::npos) num_threads_ = options.max_concurrent;
    }
  }

  std::string name() const override { return name_; }

  std::vector<std::string> notices() const override {
    return notice_.empty() ? std::vector<std::string>{}
                           : std::vector<std::string>{"rule " + name_ + ": " + notice_};
  }

  void stop_with(const std::stop_token& stop) override {
    stop_ = stop;
    services_.stop_with(stop);
  }

  std::vector<Grade> grade(std::span<const RewardInput> group) override {
    std::vector<Grade> grades(group.size());
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t i = next++; i < group.size(); i = next++) grades[i] = safe_grade(group[i]);
    };
    const size_t num_threads = std::min<size_t>(num_threads_, group.size());
    std::vector<std::jthread> threads;
    try {
      for (size_t i = 1; i < num_threads; ++i) threads.emplace_back(work);
    } catch (const std::system_error&) {
      // No more threads are to be had; fewer give the same grades, later.
    }
    work();
    threads.clear();
    return grades;
  }

 private:
  // What cannot work is found now, not after the first rollouts: sources that do not load, servers
  // that may not be asked.
  void check_parts(const json& spec, const std::string& path, const std::string& where) {
    const std::string& type = spec.at("type").get_ref<const std::string&>();
    if (type == "multi") return check_graders(spec.at("graders"), path + ".graders", where);
    const auto refuse = [&](const char* key, const std::string& fault) {
      if (!fault.empty()) throw ConfigError(where + ": " + path + key + ": " + fault);
    };
    if (type == "python") {
      notice_ = services_.python()->prepare();
      refuse(".source", services_.python()->check(spec.at("source")));
    }
    if (type == "score_model" || type == "label_model") {
      refuse(".model", services_.refusal_of_models());
    }
    if (type == "endpoint") refuse(".url", services_.refusal_of_endpoint(spec.at("url")));
  }

  void check_graders(const json& graders, const std::string& path, const std::string& where) {
    const bool is_one =
        graders.is_object() && graders.contains("type") && graders.at("type").is_string();
    if (is_one) return check_parts(graders, path, where);
    for (const auto& [key, part] : graders.items()) {
      const std::string name = printable(key, 100);
      check_parts(part, path + (graders.is_array() ? "[" + name + "]" : "." + name), where);
    }
  }

  Grade safe_grade(const RewardInput& input) const {
    try {
      Grade grade = stop_.stop_requested() ? failed(kStopped) : grade_of(input);
      return stop_.stop_requested() ? failed(kStopped) : grade;
    } catch (const std::exception& error) {  // the edge of a thread
      return failed(error.what());
    }
  }

  Grade grade_of(const RewardInput& input) const {
    static const json kNoRow = json::object();
    json sample = make_sample(input.completion, output_json_);
    if (input.truncated) sample["choices"][0]["finish_reason"] = "length";
    const GraderScore score = grader_->grade({input.row == nullptr ? kNoRow : *input.row, sample});
    Grade grade = scored(score.reward);
    if (score.errors.any()) {
      if (on_error_ == OnError::failed) {
        grade = failed("");
        if (score.errors.unresponsive_reward_error) grade.outcome = GradeOutcome::timed_out;
      }
      grade.reason = printable(score.fault, 500);
      grade.details["errors"] = flags_of(score.errors);
    }
    if (!score.sub_rewards.empty()) grade.details["sub_rewards"] = score.sub_rewards;
    if (!score.sampled_model.empty()) grade.details["model"] = score.sampled_model;
    if (!score.notes.is_null()) grade.details["notes"] = score.notes;
    grade.details["version"] = version_;
    return grade;
  }

  static json flags_of(const GraderErrors& errors) {
    const json all = errors.to_json();
    json flags = json::array();
    for (const auto& [key, value] : all.items()) {
      if (value == true) flags.push_back(key);
    }
    return flags;
  }

  std::string name_;
  OnError on_error_;
  bool output_json_;
  std::string version_;
  size_t num_threads_ = 1;
  std::string notice_;
  SteadyClock clock_;
  HttpServices services_;
  std::unique_ptr<Grader> grader_;
  std::stop_token stop_;
};

json spec_of(const GraderConfig& options, const std::string& where) {
  if (options.file.empty() == options.grader.is_null()) {
    throw ConfigError(where + ": give the grader either as `file` or as `grader`");
  }
  if (options.file.empty()) return options.grader;
  return read_json(options.file);
}

std::unique_ptr<RewardRule> make_grader_rule(const RewardConfig& config) {
  const auto options = read_options<GraderConfig>(config);
  const std::string where = source_of(config);
  const json spec = spec_of(options, where);
  try {
    return std::make_unique<GraderRule>(config.display_name(), options, spec, where);
  } catch (const GraderSpecError& error) {
    const std::string what = error.what();
    const bool is_named = what.find("'" + error.param() + "'") != std::string::npos;
    throw ConfigError(where + ": " + (options.file.empty() ? "" : options.file + ": ") +
                      (is_named ? "" : error.param() + ": ") + what);
  }
}

}  // namespace

extern const RewardRuleRecord kGraderRule{"grader", "a grader in OpenAI's JSON form",
                                          make_grader_rule, options_of<GraderConfig>};

}  // namespace gradus::rewards
