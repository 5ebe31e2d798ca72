#include "service/jobs/job_runner.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/file_descriptor.h"
#include "base/json.h"
#include "base/printable.h"
#include "rl/run/run_directory.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

constexpr auto kPollPause = std::chrono::milliseconds(50);
constexpr int kStoppedStatus = 130;

void pause_briefly() {
  std::this_thread::sleep_for(kPollPause);
}

}  // namespace

std::string fine_tuned_name(const Job& job, const std::string& organization) {
  std::string base = job.model;
  if (base.starts_with("ft:")) base = base.substr(3, base.find(':', 3) - 3);
  return fmt::format("ft:{}:{}:{}:{}", base, organization, job.suffix,
                     job.id.substr(job.id.size() - 8));
}

JobRunner::JobRunner(JobStore& jobs, FileStore& files, const JobsConfig& config, Job job,
                     Setup setup)
    : jobs_(jobs),
      files_(files),
      config_(config),
      job_(std::move(job)),
      setup_(std::move(setup)),
      run_(setup_.folder / "run"),
      tail_(run_, job_.steps),
      attempts_(job_.attempts) {}

void JobRunner::run() {
  const bool is_new = !fs::exists(run_ / "recipe.toml");
  if (!jobs_.change_state(job_.id, {"queued", "running"}, "running",
                          job_.status == "running" ? "Fine-tuning job goes on after a restart"
                          : is_new                 ? "Fine-tuning job started"
                                                   : "Fine-tuning job goes on"))
    return;
  for (;;) {
    if (wish_ == Wish::shut_down) return;
    const ChildEnd end = run_once();
    report();
    const Wish wish = wish_;
    if (wish == Wish::cancel || wish == Wish::shut_down) return;
    if (end.signal == 0 && end.status == 0) return succeed();
    if (wish == Wish::pause) {
      jobs_.change_state(job_.id, {"running"}, "paused", "The job is paused");
      return;
    }
    if (!goes_on_after(end)) return fail(end);
  }
}

std::vector<std::string> JobRunner::arguments() const {
  if (!fs::exists(run_ / "recipe.toml")) {
    return {"train", (setup_.folder / "recipe.toml").string(), "--run-dir", run_.string(),
            "--json"};
  }
  std::vector<std::string> words{"train", "--resume", run_.string(), "--json", "--begin-anew"};
  if (setup_.recipe_may_change) words.emplace_back("--allow-changes");
  return words;
}

/// A process of an earlier server may be on its way out still.
bool JobRunner::is_locked_by_another() const {
  const int fd = ::open((run_ / ".lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const FileDescriptor lock(fd);
  return ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0;
}

ChildEnd JobRunner::run_once() {
  while (is_locked_by_another() && wish_ == Wish::none) pause_briefly();
  Child child(arguments(), setup_.folder / "train.log", config_.priority);
  began_s_ = machine_clock().now_s();
  first_step_ = -1;
  double asked_s = -1.0;
  for (;;) {
    if (const auto end = child.poll()) return *end;
    report();
    const double now = machine_clock().now_s();
    if (wish_ != Wish::none && asked_s < 0.0) {
      child.signal(SIGTERM);
      asked_s = now;
    }
    if (asked_s >= 0.0 && now - asked_s > config_.stop_s) child.signal(SIGKILL);
    pause_briefly();
  }
}

void JobRunner::report() {
  const auto events = tail_.read();
  if (!events.empty()) {
    jobs_.add_events(job_.id, events);
    const int64_t step = tail_.last_step();
    if (first_step_ < 0) first_step_ = step;
    const double seconds = machine_clock().now_s() - began_s_;
    int64_t finish = 0;
    if (step > first_step_) {
      finish =
          static_cast<int64_t>(machine_clock().wall_s() +
                               seconds / double(step - first_step_) * double(job_.steps - step));
    }
    jobs_.set_progress(job_.id, step, finish, tail_.trained_tokens());
  }
  add_checkpoints();
}

void JobRunner::add_checkpoints() {
  std::error_code is_missing;
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(run_ / "exports", is_missing)) {
    const int64_t step = rl::step_of_name(entry.path().filename().string());
    if (step > newest_checkpoint_) steps.push_back(step);
  }
  if (steps.empty()) return;
  std::ranges::sort(steps);
  const auto metrics = jobs_.metrics(job_.id);
  for (const int64_t step : steps) {
    nlohmann::json figures{{"step", step}};
    for (const auto& event : metrics) {
      if (event.step == step) figures = event.data;
    }
    figures.erase("total_steps");
    jobs_.add_checkpoint(
        job_.id, step,
        fmt::format("{}:ckpt-step-{}", fine_tuned_name(job_, setup_.organization), step),
        (run_ / "exports" / rl::step_name(step)).string(), figures);
    newest_checkpoint_ = step;
    if (std::exchange(attempts_, 0) > 0) jobs_.set_attempts(job_.id, 0);
  }
  for (const auto& path : jobs_.drop_old_checkpoints(job_.id, config_.keep_checkpoints)) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
}

/// Whether a process that ended without having finished is started again.
bool JobRunner::goes_on_after(const ChildEnd& end) {
  const bool was_killed = end.signal != 0 || end.status == kStoppedStatus;
  if (!was_killed) return false;
  ++attempts_;
  jobs_.set_attempts(job_.id, attempts_);
  if (attempts_ >= config_.attempts) return false;
  JobEvent event;
  event.level = "warn";
  event.message = fmt::format(
      "The training process was ended from outside ({}) after step {}; it goes on from its last "
      "checkpoint (attempt {} of {})",
      end.signal != 0 ? fmt::format("signal {}", end.signal) : "stopped", tail_.last_step(),
      attempts_ + 1, config_.attempts);
  jobs_.add_event(job_.id, event);
  return true;
}

void JobRunner::succeed() {
  const std::string csv =
      results_csv(jobs_.metrics(job_.id), job_.method.value("type", "") == "reinforcement");
  const fs::path upload = files_.new_upload();
  {
    AtomicFile file(upload);
    file.write(csv);
    file.commit();
  }
  const auto file = files_.adopt(upload, job_.project, "step_metrics.csv", "fine-tune-results", 0);
  jobs_.succeed(job_.id, fine_tuned_name(job_, setup_.organization), (run_ / "final").string(),
                {file.id}, tail_.trained_tokens());
}

/// The last line that the process said, for people.
std::string JobRunner::last_words() const {
  std::ifstream in(setup_.folder / "train.log", std::ios::binary);
  std::string last;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("gradus: ")) last = line.substr(8);
  }
  return last;
}

/// Without the paths of this machine.
std::string JobRunner::public_text(std::string text) const {
  const std::string folder = setup_.folder.string() + "/";
  for (size_t at; (at = text.find(folder)) != std::string::npos;) text.erase(at, folder.size());
  const std::string data = setup_.folder.parent_path().parent_path().string() + "/";
  for (size_t at; (at = text.find(data)) != std::string::npos;) text.erase(at, data.size());
  return printable(text, 1000);
}

void JobRunner::fail(const ChildEnd& end) {
  std::string message = public_text(last_words());
  if (end.signal != 0) {
    message = fmt::format("the training process was killed by signal {} ({}), {} times", end.signal,
                          ::strsignal(end.signal), attempts_);
  }
  if (message.empty()) message = fmt::format("the training process ended with {}", end.status);
  const bool is_grader =
      message.find("reward") != std::string::npos || message.find("grader") != std::string::npos;
  jobs_.fail(job_.id, is_grader ? "grader_error" : "training_failed", message, "");
}

}  // namespace gradus::service
