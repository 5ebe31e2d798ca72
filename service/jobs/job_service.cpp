#include "service/jobs/job_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/model_config.h"
#include "service/http/message.h"
#include "service/jobs/training_rows.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

TrainingMethod method_of(const Job& job) {
  const std::string type = job.method.value("type", "supervised");
  if (type == "reinforcement") return TrainingMethod::reinforcement;
  return type == "dpo" ? TrainingMethod::dpo : TrainingMethod::supervised;
}

HttpError wrong_state(const Job& job, const char* action) {
  return {
      400,
      fmt::format("Cannot {} fine-tuning job {}: its status is '{}'.", action, job.id, job.status),
      "invalid_state", "fine_tuning_job_id"};
}

}  // namespace

JobService::JobService(JobStore& jobs, FileStore& files, KeyStore& keys, ModelHost& models,
                       const JobsConfig& config, Places places)
    : jobs_(jobs),
      files_(files),
      keys_(keys),
      models_(models),
      config_(config),
      places_(std::move(places)) {}

JobService::~JobService() {
  stop();
}

void JobService::start() {
  scheduler_ = std::thread([this] { schedule(); });
}

void JobService::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    for (auto& [id, running] : running_) running.runner->ask(JobRunner::Wish::shut_down);
  }
  news_.notify_all();
  if (scheduler_.joinable()) scheduler_.join();
  for (auto& [id, running] : running_) running.thread.join();
  running_.clear();
}

void JobService::wake() {
  {
    const std::lock_guard lock(mutex_);
    has_news_ = true;
  }
  news_.notify_all();
}

int JobService::num_running() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(running_.size());
}

fs::path JobService::folder_of(const std::string& id) const {
  return places_.data_dir / "jobs" / id;
}

void JobService::schedule() {
  for (;;) {
    try {
      reap();
      for (const Job& job : jobs_.in_state("validating_files")) validate(job);
      // Those that were cut off come first, in the order in which they were made.
      auto waiting = jobs_.in_state("running");
      const auto queued = jobs_.in_state("queued");
      waiting.insert(waiting.end(), queued.begin(), queued.end());
      for (const Job& job : waiting) begin(job);
      files_.remove_expired();
    } catch (const std::exception&) {
      // The edge of a thread: the disk may be full now and not in a second.
    }
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, std::chrono::seconds(1), [&] { return is_stopping_ || has_news_; });
    has_news_ = false;
    if (is_stopping_) return;
  }
}

void JobService::reap() {
  std::vector<std::thread> over;
  {
    const std::lock_guard lock(mutex_);
    for (auto running = running_.begin(); running != running_.end();) {
      if (!running->second.is_over) {
        ++running;
        continue;
      }
      over.push_back(std::move(running->second.thread));
      running = running_.erase(running);
    }
  }
  for (auto& thread : over) thread.join();
}

void JobService::validate(const Job& job) {
  const auto training = files_.find(job.training_file, job.project);
  if (!training) {
    jobs_.fail(job.id, "invalid_training_file", "the training file is gone", "training_file");
    return;
  }
  const auto rows = check_training_rows(files_.path_of(job.training_file), method_of(job));
  if (!rows.fault.empty()) {
    jobs_.fail(job.id, "invalid_training_file",
               fmt::format("Invalid training file {}: {}", job.training_file, rows.fault),
               "training_file");
    return;
  }
  if (!job.validation_file.empty()) {
    const auto held_out = check_training_rows(files_.path_of(job.validation_file), method_of(job));
    if (!held_out.fault.empty()) {
      jobs_.fail(job.id, "invalid_validation_file",
                 fmt::format("Invalid validation file {}: {}", job.validation_file, held_out.fault),
                 "validation_file");
      return;
    }
  }
  jobs_.change_state(job.id, {"validating_files"}, "queued",
                     "Files validated, moving job to queued state");
}

bool JobService::asks_models(const nlohmann::json& grader) const {
  const std::string text = dump_json(grader);
  return text.find("\"score_model\"") != std::string::npos ||
         text.find("\"label_model\"") != std::string::npos;
}

RecipeInputs JobService::inputs_of(const Job& job, bool reads_rows) const {
  RecipeInputs inputs;
  const auto model = models_.find(job.model, job.project);
  if (!model) throw HttpError(404, "The model is gone.", "model_not_found", "model");
  inputs.model_path = model->path;
  inputs.training_path = files_.path_of(job.training_file).string();
  if (!job.validation_file.empty())
    inputs.validation_path = files_.path_of(job.validation_file).string();
  TrainingRows rows{1000, 100000, ""};
  if (reads_rows) rows = check_training_rows(inputs.training_path, method_of(job));
  inputs.num_rows = std::max<int64_t>(1, rows.count);
  inputs.training_bytes = rows.bytes;
  inputs.context =
      policy::load_model_config(*policy::open_checkpoint(model->path)).max_position_embeddings;
  inputs.model_bytes = bytes_on_disk(model->path);
  if (job.method.value("type", "") != "reinforcement") return inputs;
  if (!asks_models(job.method.at("reinforcement").at("grader"))) return inputs;
  inputs.judge_server = places_.judge_server();
  inputs.judge_url = inputs.judge_server + "/v1";
  inputs.judge_key_file = (folder_of(job.id) / "judge.key").string();
  return inputs;
}

void JobService::check(const Job& job) const {
  Job named = job;
  if (named.id.empty()) named.id = "ftjob-new";
  make_job_recipe(named, inputs_of(named, false), config_);
}

/// Writes what the process is given. @return false: the job has failed.
bool JobService::prepare(const Job& job) {
  try {
    const RecipeInputs inputs = inputs_of(job, true);
    const JobRecipe recipe = make_job_recipe(job, inputs, config_);
    fs::create_directories(folder_of(job.id));
    write_file_atomically(folder_of(job.id) / "recipe.toml", recipe.toml);
    if (!inputs.judge_key_file.empty()) {
      keys_.revoke_of_job(job.id);
      NewKey wanted;
      wanted.name = job.id;
      wanted.project = job.project;
      wanted.scopes = {"infer"};
      wanted.job = job.id;
      write_file_atomically(inputs.judge_key_file, keys_.add(wanted).key + "\n");
    }
    jobs_.set_method(job.id, recipe.method, recipe.hyperparameters, recipe.steps);
    return true;
  } catch (const std::exception& error) {
    jobs_.fail(job.id, "invalid_job", failure_text(error), "");
    return false;
  }
}

/// Where the server has another address than when the run began, its recipe gets the new one.
bool JobService::renew_judge(const Job& job) const {
  const fs::path recipe = folder_of(job.id) / "run" / "recipe.toml";
  if (read_file(recipe, 1 << 24).find(places_.judge_server() + "/v1") != std::string::npos)
    return false;
  write_file_atomically(recipe, read_file(folder_of(job.id) / "recipe.toml", 1 << 24));
  return true;
}

void JobService::begin(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_ || running_.contains(job.id) ||
        static_cast<int>(running_.size()) >= config_.running)
      return;
  }
  const bool asks = job.method.value("type", "") == "reinforcement" &&
                    asks_models(job.method.at("reinforcement").at("grader"));
  const bool is_begun = fs::exists(folder_of(job.id) / "run" / "recipe.toml");
  if (!is_begun || asks) {
    if (!prepare(job)) return;
    job = *jobs_.find_any(job.id);
  }
  JobRunner::Setup setup{folder_of(job.id), places_.organization, false};
  if (asks && is_begun) setup.recipe_may_change = renew_judge(job);
  const std::lock_guard lock(mutex_);
  if (is_stopping_) return;
  Running& running = running_[job.id];
  running.runner = std::make_unique<JobRunner>(jobs_, files_, config_, job, std::move(setup));
  running.thread = std::thread([this, id = job.id, runner = running.runner.get()] {
    try {
      runner->run();
    } catch (const std::exception& error) {  // the edge of a thread
      jobs_.fail(id, "server_error", failure_text(error), "");
    }
    keys_.revoke_of_job(id);
    const std::lock_guard inner(mutex_);
    const auto self = running_.find(id);
    if (self != running_.end()) self->second.is_over = true;
    has_news_ = true;
    news_.notify_all();
  });
}

void JobService::ask(const std::string& id, JobRunner::Wish wish) {
  const std::lock_guard lock(mutex_);
  const auto running = running_.find(id);
  if (running != running_.end()) running->second.runner->ask(wish);
}

Job JobService::cancel(const Job& job) {
  if (!jobs_.change_state(job.id, {"validating_files", "queued", "running", "paused"}, "cancelled",
                          "The job was cancelled"))
    throw wrong_state(*jobs_.find_any(job.id), "cancel");
  ask(job.id, JobRunner::Wish::cancel);
  return *jobs_.find_any(job.id);
}

Job JobService::pause(const Job& job) {
  if (job.status == "paused") return job;
  if (!jobs_.change_state(job.id, {"validating_files", "queued"}, "paused", "The job is paused")) {
    const Job now = *jobs_.find_any(job.id);
    if (now.status != "running") throw wrong_state(now, "pause");
    ask(job.id, JobRunner::Wish::pause);
  }
  return *jobs_.find_any(job.id);
}

Job JobService::resume(const Job& job) {
  // Files that were not checked before the pause are checked now.
  const bool was_checked = job.steps > 0 || fs::exists(folder_of(job.id));
  if (!jobs_.change_state(job.id, {"paused"}, was_checked ? "queued" : "validating_files",
                          "The job was resumed"))
    throw wrong_state(*jobs_.find_any(job.id), "resume");
  wake();
  return *jobs_.find_any(job.id);
}

}  // namespace gradus::service
