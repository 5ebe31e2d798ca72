#include "rewards/graders/python_runner.h"

#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;

json request_of(const json& sample, const json& item) {
  json context = {{"row", item}};
  json entry = {
      {"completion", sample.value("output_text", "")}, {"sample", sample}, {"context", 0}};
  return {{"contexts", json::array({std::move(context)})},
          {"samples", json::array({std::move(entry)})}};
}

PythonReply reply_of(const json& answer) {
  const bool has_score = answer.is_object() && answer.contains("score");
  const json& score = has_score ? answer.at("score") : answer;
  if (score.is_number() && std::isfinite(score.get<double>())) {
    return {AskOutcome::answered, score.get<double>(), ""};
  }
  if (score.is_null()) return {AskOutcome::broken, 0, "grade() returned None, must be a number"};
  if (score.is_object() && score.contains("error") && score.at("error").is_string()) {
    return {AskOutcome::broken, 0, printable(score.at("error").get<std::string>(), 2000)};
  }
  return {AskOutcome::broken, 0, "grade() gave no number: " + printable(dump_json(score), 200)};
}

}  // namespace

PythonRunner::~PythonRunner() = default;

class PythonRunner::Loan {
 public:
  Loan(PythonRunner& runner, const std::string& source)
      : runner_(runner), source_(source), worker_(runner.borrow(source)) {}
  ~Loan() { runner_.give_back(source_, std::move(worker_)); }
  Loan(const Loan&) = delete;
  Loan& operator=(const Loan&) = delete;
  PluginWorker& worker() { return *worker_; }

 private:
  PythonRunner& runner_;
  const std::string& source_;
  std::unique_ptr<PluginWorker> worker_;
};

std::string PythonRunner::prepare() {
  const std::lock_guard lock(mutex_);
  if (sandbox_ == nullptr) {
    auto sandbox = std::make_shared<const sandbox::Sandbox>(config_.plugin.isolation);
    program_ = python_program(config_.interpreter, config_.plugin);
    sandbox_ = std::move(sandbox);
  }
  if (sandbox_->rung() == sandbox::Rung::namespaces) return "";
  return "Python graders run behind a weaker wall than full isolation (" +
         sandbox_->probe().description() + "), as the setting isolation = \"weak\" allows";
}

std::string PythonRunner::check(const std::string& source) {
  prepare();
  Loan loan(*this, source);
  return loan.worker().start();
}

void PythonRunner::stop_with(const std::stop_token& stop) {
  const std::lock_guard lock(mutex_);
  stop_ = stop;
  for (auto& [source, pool] : pools_) {
    for (auto& worker : pool.idle) worker->stop_with(stop);
  }
}

PythonReply PythonRunner::run(const std::string& source, const json& sample, const json& item) {
  try {
    prepare();
  } catch (const Error& error) {  // the machine gives no sandbox: that is the caller's to report
    return {AskOutcome::unavailable, 0, error.what()};
  }
  Loan loan(*this, source);
  PluginWorker& worker = loan.worker();
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (const std::string fault = worker.start(); !fault.empty()) {
      return {AskOutcome::broken, 0, fault};
    }
    const bool was_fresh = worker.is_fresh();
    const WorkerAnswer answer = worker.call_samples(request_of(sample, item), 1);
    if (!answer.scores.empty()) return reply_of(answer.scores.front());
    if (!answer.fault) break;
    if (answer.fault->kind == WorkerFault::Kind::timed_out) {
      return {AskOutcome::timed_out, 0, answer.fault->reason};
    }
    if (answer.fault->kind == WorkerFault::Kind::refused || was_fresh) {
      return {AskOutcome::broken, 0, answer.fault->reason};
    }
  }
  return {AskOutcome::broken, 0, "the process of the grader gave no answer"};
}

std::unique_ptr<PluginWorker> PythonRunner::new_worker(const std::string& source) const {
  WorkerProgram program = program_;
  program.load = {{"path", "/tmp/grader.py"},
                  {"source", source},
                  {"function", "grade"},
                  {"form", "openai"},
                  {"owns_namespace", sandbox_->rung() == sandbox::Rung::namespaces}};
  auto worker = std::make_unique<PluginWorker>(sandbox_, std::move(program));
  worker->stop_with(stop_);
  return worker;
}

std::unique_ptr<PluginWorker> PythonRunner::borrow(const std::string& source) {
  std::unique_lock lock(mutex_);
  Pool& pool = pools_[source];
  if (pool.idle.empty() && pool.num_workers < config_.plugin.num_workers) {
    ++pool.num_workers;
    return new_worker(source);
  }
  has_idle_.wait(lock, [&] { return !pool.idle.empty(); });
  auto worker = std::move(pool.idle.back());
  pool.idle.pop_back();
  return worker;
}

void PythonRunner::give_back(const std::string& source, std::unique_ptr<PluginWorker> worker) {
  const std::lock_guard lock(mutex_);
  pools_[source].idle.push_back(std::move(worker));
  has_idle_.notify_all();
}

}  // namespace gradus::rewards::graders
