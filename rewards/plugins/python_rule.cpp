// Rule `python`: a reward function in TRL's form, in a Python file of the user.
//
//   def reward(prompts, completions, completion_ids, answer, **kwargs): return [1.0, None, ...]
//
// One value per completion; None skips it. The data's columns arrive as lists by keyword; a
// function without **kwargs gets those it names. Where the row has chat messages, prompts are
// lists of messages and completions one-message lists of the assistant, as in TRL. Coroutines run
// to their end. The function runs in worker processes (see python_worker.h): what it does to its
// process, its output or its time never reaches the trainer, and each way of failing is a reason.

#include <fmt/core.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "base/error.h"
#include "base/printable.h"
#include "rewards/plugins/python_worker.h"
#include "rewards/rules.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

struct PythonConfig {
  std::string file;
  int num_workers = 1;
  double timeout_s = 30.0;
  double load_timeout_s = 120.0;
  int memory_mb = 0;
  std::string interpreter = "python3";
  std::vector<std::string> environment;
};

template <class Field>
void describe(PythonConfig& c, Field&& field) {
  field("file", c.file, non_empty().hint("Write file = \"rewards.py:function\"."),
        "FILE.py:FUNCTION");
  field("num_workers", c.num_workers, between(1, 256), "processes that grade at once");
  field("timeout_s", c.timeout_s, positive(), "seconds for one group; then the worker is killed");
  field("load_timeout_s", c.load_timeout_s, positive(), "seconds for importing the file");
  field("memory_mb", c.memory_mb, at_least(0), "limit of a worker's address space; 0: none");
  field("interpreter", c.interpreter, non_empty(), "Python program");
  field("environment", c.environment, any(),
        "environment variables a worker may see beside PATH, HOME, LANG and Python's own");
}

// Deny by default: keys and tokens in our environment are not the reward code's business.
std::vector<std::pair<std::string, std::string>> environment_of(const PythonConfig& config) {
  std::vector<std::string> names{
      "PATH",       "HOME",      "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH",
      "PYTHONPATH", "PYTHONHOME"};
  names.insert(names.end(), config.environment.begin(), config.environment.end());
  std::vector<std::pair<std::string, std::string>> environment{{"PYTHONDONTWRITEBYTECODE", "1"}};
  for (const auto& name : names) {
    if (const char* value = std::getenv(name.c_str())) environment.emplace_back(name, value);
  }
  return environment;
}

PythonWorkerConfig worker_config(const RewardConfig& config, const PythonConfig& options) {
  const auto colon = options.file.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == options.file.size()) {
    throw ConfigError(source_of(config) + ": file: is \"" + printable(options.file, 200) +
                      "\", must be FILE.py:FUNCTION");
  }
  const auto path = std::filesystem::absolute(options.file.substr(0, colon));
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) {
    throw FileError(path.string(), "missing",
                    "is no file; it is named by " + source_of(config) + ": file");
  }
  PythonWorkerConfig worker;
  worker.interpreter = options.interpreter;
  worker.file = path.string();
  worker.function = options.file.substr(colon + 1);
  worker.timeout_s = options.timeout_s;
  worker.load_timeout_s = options.load_timeout_s;
  worker.memory_mb = options.memory_mb;
  worker.environment = environment_of(options);
  return worker;
}

// TRL hands over every column but those it gives under other names.
bool is_given_otherwise(const std::string& column) {
  return column == "prompt" || column == "prompts" || column == "completion" ||
         column == "completions" || column == "completion_ids";
}

json columns_of(std::span<const RewardInput> group) {
  json columns = json::object();
  for (size_t i = 0; i < group.size(); ++i) {
    if (group[i].row == nullptr || !group[i].row->is_object()) continue;
    for (const auto& [name, value] : group[i].row->items()) {
      if (is_given_otherwise(name)) continue;
      json& column = columns[name];
      if (column.is_null()) column = json::array();
      while (column.size() < i) column.push_back(nullptr);
      column.push_back(value);
    }
  }
  for (auto& column : columns) {
    while (column.size() < group.size()) column.push_back(nullptr);
  }
  return columns;
}

json request_of(std::span<const RewardInput> group) {
  json prompts = json::array();
  json completions = json::array();
  json ids = json::array();
  for (const RewardInput& input : group) {
    const json text = std::string(input.completion);
    if (input.messages != nullptr) {
      prompts.push_back(*input.messages);
      completions.push_back(json::array({{{"role", "assistant"}, {"content", text}}}));
    } else {
      prompts.push_back(std::string(input.prompt));
      completions.push_back(text);
    }
    ids.push_back(std::vector<int32_t>(input.completion_ids.begin(), input.completion_ids.end()));
  }
  return {{"prompts", std::move(prompts)},
          {"completions", std::move(completions)},
          {"completion_ids", std::move(ids)},
          {"columns", columns_of(group)}};
}

Grade grade_of(const json& value) {
  if (value.is_null()) return skipped("the function returned None");
  if (value.is_number()) return scored(value.get<double>());
  if (value.is_object() && value.contains("error") && value["error"].is_string()) {
    return failed(printable(value["error"].get<std::string>(), 500));
  }
  return failed("the worker sent no number");
}

class PythonRule final : public RewardRule {
 public:
  PythonRule(std::string name, const PythonWorkerConfig& config, int num_workers)
      : name_(std::move(name)) {
    for (int i = 0; i < num_workers; ++i) {
      idle_.push_back(std::make_unique<PythonWorker>(config));
    }
    // A file that does not load is found now, not after the first rollouts.
    if (const std::string fault = idle_.back()->start(); !fault.empty()) {
      throw FileError(config.file + ":" + config.function, "invalid_reward_file", fault);
    }
  }

  std::string name() const override { return name_; }

  std::vector<Grade> grade(std::span<const RewardInput> group) override {
    if (group.empty()) return {};
    Loan loan(*this);
    return graded_by(*loan.worker, group);
  }

 private:
  struct Loan {
    explicit Loan(PythonRule& lender) : rule(lender), worker(lender.borrow()) {}
    ~Loan() { rule.give_back(std::move(worker)); }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    PythonRule& rule;
    std::unique_ptr<PythonWorker> worker;
  };

  static std::vector<Grade> graded_by(PythonWorker& worker, std::span<const RewardInput> group) {
    const WorkerReply reply = worker.call(request_of(group));
    if (reply.kind != WorkerReply::Kind::answered) {
      Grade grade = failed(reply.reason);
      if (reply.kind == WorkerReply::Kind::timed_out) grade.outcome = GradeOutcome::timed_out;
      return std::vector<Grade>(group.size(), grade);
    }
    if (!reply.grades.is_array() || reply.grades.size() != group.size()) {
      worker.stop();
      return std::vector<Grade>(
          group.size(), failed(fmt::format("the function returned {} values for {} completions",
                                           reply.grades.size(), group.size())));
    }
    std::vector<Grade> grades;
    for (const json& value : reply.grades) grades.push_back(grade_of(value));
    return grades;
  }

  std::unique_ptr<PythonWorker> borrow() {
    std::unique_lock lock(mutex_);
    has_idle_.wait(lock, [&] { return !idle_.empty(); });
    auto worker = std::move(idle_.back());
    idle_.pop_back();
    return worker;
  }

  void give_back(std::unique_ptr<PythonWorker> worker) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(worker));
    has_idle_.notify_one();
  }

  std::string name_;
  std::mutex mutex_;
  std::condition_variable has_idle_;
  std::vector<std::unique_ptr<PythonWorker>> idle_;
};

}  // namespace

std::unique_ptr<RewardRule> make_python_rule(const RewardConfig& config) {
  const auto options = read_options<PythonConfig>(config);
  return std::make_unique<PythonRule>(config.display_name(), worker_config(config, options),
                                      options.num_workers);
}

std::vector<SettingInfo> python_options() {
  return list_settings(PythonConfig{});
}

}  // namespace gradus::rewards
