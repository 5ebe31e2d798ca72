#include "rewards/plugins/plugin_rule.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "rewards/reply.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

constexpr size_t kMaxReasonBytes = 500;

json context_of(const RewardInput& input) {
  return {{"prompt", std::string(input.prompt)},
          {"messages", input.messages == nullptr ? json() : *input.messages},
          {"row", input.row == nullptr ? json() : *input.row}};
}

json sample_of(const RewardInput& input, bool with_token_ids) {
  json sample{{"completion", std::string(input.completion)},
              {"truncated", input.truncated},
              {"num_tokens", input.completion_ids.size()}};
  if (with_token_ids) {
    sample["completion_ids"] =
        std::vector<int32_t>(input.completion_ids.begin(), input.completion_ids.end());
  }
  return sample;
}

// Completions of one prompt share its text and its row: they are sent once.
json request_of(std::span<const RewardInput> group, bool with_token_ids) {
  json contexts = json::array();
  json samples = json::array();
  const RewardInput* last = nullptr;
  for (const RewardInput& input : group) {
    const bool is_shared = last != nullptr && last->row == input.row &&
                           last->messages == input.messages && last->prompt == input.prompt;
    if (!is_shared) contexts.push_back(context_of(input));
    last = &input;
    samples.push_back(sample_of(input, with_token_ids));
    samples.back()["context"] = contexts.size() - 1;
  }
  return {{"contexts", std::move(contexts)}, {"samples", std::move(samples)}};
}

json line_of(const RewardInput& input, bool with_token_ids) {
  json line = context_of(input);
  line.update(sample_of(input, with_token_ids));
  return line;
}

Grade verdict_of(const json& score) {
  if (score.is_null()) return skipped("the rule gave no score");
  if (score.is_number()) return scored(score.get<double>());
  if (!score.is_object() || !score.contains("error")) {
    return failed("the plug-in sent no number: " + printable(dump_json(score), kMaxReasonBytes));
  }
  const json& error = score["error"];
  return failed(
      printable(error.is_string() ? error.get<std::string>() : dump_json(error), kMaxReasonBytes));
}

}  // namespace

class PluginRule::Loan {
 public:
  explicit Loan(PluginRule& rule) : rule_(rule), worker_(rule.borrow()) {}
  ~Loan() { rule_.give_back(std::move(worker_)); }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  PluginWorker& worker() { return *worker_; }

 private:
  PluginRule& rule_;
  std::unique_ptr<PluginWorker> worker_;
};

PluginRule::PluginRule(std::string name, std::shared_ptr<const sandbox::Sandbox> sandbox,
                       PluginProgram program, int num_workers)
    : name_(std::move(name)), sandbox_(std::move(sandbox)), program_(std::move(program)) {
  for (int i = 0; i < num_workers; ++i) {
    idle_.push_back(std::make_unique<PluginWorker>(sandbox_, program_.worker));
  }
  PluginWorker& first = *idle_.back();
  if (const std::string fault = first.start(); !fault.empty()) {
    throw FileError(program_.where, "invalid_reward_file", fault);
  }
  files_ = first.loaded().value("files", json::object());
  if (!files_.empty()) {
    program_.version = "sha256:" + sha256(program_.version + "\n" + dump_json(files_));
  }
  if (program_.on_loaded) program_.on_loaded(program_, first.loaded());
}

std::vector<std::string> PluginRule::notices() const {
  if (sandbox_->rung() == sandbox::Rung::namespaces) return {};
  return {"rule " + name_ + ": its code runs behind a weaker wall than full isolation (" +
          sandbox_->probe().description() + "), as its setting isolation = \"weak\" allows"};
}

void PluginRule::stop_with(const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  for (auto& worker : idle_) worker->stop_with(stop);
}

std::vector<Grade> PluginRule::grade(std::span<const RewardInput> group) {
  if (group.empty()) return {};
  Loan loan(*this);
  return grade_with(loan.worker(), group);
}

std::vector<Grade> PluginRule::grade_with(PluginWorker& worker,
                                          std::span<const RewardInput> group) {
  std::vector<Grade> grades;
  while (grades.size() < group.size()) {
    const auto rest = group.subspan(grades.size());
    std::string reason = worker.start();
    if (reason.empty()) reason = changed_files(worker);
    if (!reason.empty()) {
      grades.resize(group.size(), failed(reason));
      return grades;
    }
    const bool was_fresh = worker.is_fresh();
    const WorkerAnswer answer = ask(worker, rest);
    for (const json& score : answer.scores) grades.push_back(grade_of(score));
    if (!answer.fault) return grades;
    // Scores of this very call mean, too, that the process had served another completion before.
    const bool may_be_innocent = !was_fresh || !answer.scores.empty();
    // In the fresh process that follows, the completion comes first: it is tried once more only.
    if (answer.fault->kind == WorkerFault::Kind::broken && may_be_innocent) continue;
    const size_t num_failed = program_.unit == PluginUnit::group ? rest.size() : 1;
    grades.resize(grades.size() + num_failed, failed_grade(*answer.fault));
  }
  return grades;
}

WorkerAnswer PluginRule::ask(PluginWorker& worker, std::span<const RewardInput> group) const {
  if (program_.unit == PluginUnit::line) {
    std::vector<json> lines;
    for (const RewardInput& input : group) {
      lines.push_back(line_of(input, program_.with_token_ids));
    }
    return worker.call_singly(std::move(lines));
  }
  json request = program_.group_request ? program_.group_request(group)
                                        : request_of(group, program_.with_token_ids);
  if (program_.unit == PluginUnit::group)
    return worker.call_batch(std::move(request), group.size());
  return worker.call_samples(std::move(request), group.size());
}

// A process that is started in mid-run must not grade by other code than those before it.
std::string PluginRule::changed_files(const PluginWorker& worker) const {
  const json files = worker.loaded().value("files", json::object());
  for (const auto& [path, hash] : files_.items()) {
    if (files.value(path, json()) != hash) {
      return path + ": has changed since the run began; start the run anew to use the new one";
    }
  }
  return "";
}

Grade PluginRule::grade_of(const json& answer) const {
  const bool has_score = answer.is_object() && answer.contains("score");
  const json& score = has_score ? answer["score"] : answer;
  if (has_score && score.is_object()) return grade_of(score);
  Grade grade = verdict_of(score);
  if (has_score && answer.contains("details")) grade.details = bounded_details(answer["details"]);
  if (has_score && answer.contains("reason") && answer["reason"].is_string()) {
    grade.reason = printable(answer["reason"].get<std::string>(), kMaxReasonBytes);
  }
  if (!grade.details.is_null() && !grade.details.is_object()) {
    grade.details = {{"record", std::move(grade.details)}};
  }
  if (grade.outcome == GradeOutcome::failed) grade.details["fault"] = "code";
  grade.details["version"] = program_.version;
  return grade;
}

Grade PluginRule::failed_grade(const WorkerFault& fault) const {
  Grade grade = failed(fault.reason);
  if (fault.kind == WorkerFault::Kind::timed_out) grade.outcome = GradeOutcome::timed_out;
  grade.details["fault"] = fault.kind == WorkerFault::Kind::refused ? "code" : "process";
  grade.details["version"] = program_.version;
  return grade;
}

std::unique_ptr<PluginWorker> PluginRule::borrow() {
  std::unique_lock lock(mutex_);
  has_idle_.wait(lock, [&] { return !idle_.empty(); });
  auto worker = std::move(idle_.back());
  idle_.pop_back();
  return worker;
}

void PluginRule::give_back(std::unique_ptr<PluginWorker> worker) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(worker));
  has_idle_.notify_one();
}

}  // namespace gradus::rewards
