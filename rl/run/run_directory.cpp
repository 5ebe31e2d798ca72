#include "rl/run/run_directory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/files/atomic_file.h"
#include "rl/run/metrics_log.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr std::array kPhaseNames{"running", "finished", "stopped", "failed"};
constexpr int64_t kMaxLockBytes = 64;

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw_file_error(path, "open_failed", "cannot be made", error.value());
}

void rename_path(const fs::path& from, const fs::path& to) {
  if (uninterrupted([&] { return ::rename(from.c_str(), to.c_str()); }) != 0)
    throw_file_error(to, "rename_failed", "cannot be put in place", errno);
}

fs::path temporary_of(const fs::path& target) {
  return target.parent_path() / (target.filename().string() + ".tmp");
}
fs::path replaced_of(const fs::path& target) {
  return target.parent_path() / (target.filename().string() + ".old");
}

void repair_folder(const fs::path& target) {
  fs::remove_all(temporary_of(target));
  if (!fs::exists(replaced_of(target))) return;
  if (fs::exists(target))
    fs::remove_all(replaced_of(target));
  else
    rename_path(replaced_of(target), target);
}

void sync_path(const fs::path& path, int flags) {
  sync_file(open_file(path, flags).get(), path);
}

/// The highest folder of a path that does not exist; empty: all do.
fs::path first_missing(const fs::path& path) {
  fs::path missing;
  for (fs::path folder = path; !folder.empty() && !fs::exists(folder);
       folder = folder.parent_path())
    missing = folder;
  return missing;
}

void remove_temporaries(const fs::path& folder, const std::string& sign) {
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().find(sign) != std::string::npos)
      fs::remove_all(entry.path());
}

/// Removes what is named after a step, and the folder where nothing else is in it.
void remove_steps(const fs::path& folder) {
  if (!fs::is_directory(folder)) return;
  std::vector<fs::path> own;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().find("step-") != std::string::npos)
      own.push_back(entry.path());
  for (const fs::path& path : own) fs::remove_all(path);
  std::error_code holds_more;
  fs::remove(folder, holds_more);
}

/// What a run leaves beside recipe.toml, so that another can begin there; what it did not make
/// stays, and so does lives.jsonl: the time that the earlier processes took was paid for.
void remove_records(const RunDirectory& run) {
  for (const fs::path& path :
       {run.metrics(), run.ledger(), run.warnings(), run.inputs(), run.path() / "status.json",
        run.path() / "report.html", run.path() / ".had-checkpoint",
        run.path() / "reference_logprobs.json", run.path() / "reference_logprobs.eval.json"})
    fs::remove(path);
  for (const auto& entry : fs::directory_iterator(run.path()))
    if (entry.path().filename().string().starts_with("events.out.tfevents."))
      fs::remove(entry.path());
  for (const fs::path& folder : {run.checkpoints(), run.samples(), run.path() / "reference"})
    remove_steps(folder);
}

}  // namespace

FileDescriptor lock_folder(const fs::path& path) {
  const fs::path lock_path = path / ".lock";
  FileDescriptor lock = open_file(lock_path, O_RDWR | O_CREAT);
  if (uninterrupted([&] { return ::flock(lock.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno != EWOULDBLOCK) throw_file_error(lock_path, "open_failed", "cannot be locked", errno);
    throw FileError(
        path.string(), "locked",
        fmt::format("another process (pid {}) works on this run; wait for it or stop it",
                    read_file(lock_path, kMaxLockBytes)));
  }
  const std::string pid = std::to_string(::getpid());
  if (uninterrupted([&] { return ::ftruncate(lock.get(), 0); }) != 0)
    throw_file_error(lock_path, "write_failed", "cannot be truncated", errno);
  write_all(lock.get(), std::as_bytes(std::span(pid)), lock_path);
  return lock;
}

bool has_steps(const fs::path& run) {
  if (fs::exists(run / "final") || fs::exists(run / "best")) return true;
  if (fs::is_directory(run / "checkpoints"))
    for (const auto& entry : fs::directory_iterator(run / "checkpoints"))
      if (entry.path().filename().string().find("step-") != std::string::npos &&
          !entry.path().filename().string().starts_with(".tmp-"))
        return true;
  if (!fs::exists(run / "metrics.jsonl")) return false;
  try {
    return std::ranges::any_of(read_metrics(run / "metrics.jsonl"),
                               [](const MetricsRecord& record) { return record.step > 0; });
  } catch (const FileError&) {
    return true;  // damaged: nothing is thrown away for that
  }
}

RunDirectory::RunDirectory(fs::path path, FileDescriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)) {
  make_folder(checkpoints());
  make_folder(samples());
}

RunDirectory RunDirectory::create(const fs::path& path, const std::string& recipe_toml) {
  const fs::path first_made = first_missing(path);
  // A recipe.toml alone may be the one that somebody wrote.
  const bool was_run = fs::exists(path / ".lock") || fs::exists(path / "status.json");
  make_folder(path);
  RunDirectory run(path, lock_folder(path));
  run.first_made_ = first_made;
  if (fs::exists(run.recipe())) {
    if (!was_run || has_steps(run.path()))
      throw FileError(path.string(), "run_exists",
                      fmt::format("holds a run already; go on with it (gradus train --resume {}), "
                                  "or choose another folder (run.dir, --run-dir)",
                                  path.string()));
    remove_records(run);
    make_folder(run.checkpoints());
    make_folder(run.samples());
  }
  run.write_recipe(recipe_toml);
  return run;
}

void RunDirectory::discard() {
  // Somebody else's files stay, and so do the folders around them.
  std::error_code is_in_use;
  try {
    remove_records(*this);
  } catch (const fs::filesystem_error&) {  // there is an error to report already
  }
  for (const fs::path& path : {recipe(), lives(), path_ / ".lock"}) fs::remove(path, is_in_use);
  if (first_made_.empty()) return;
  for (fs::path folder = path_; fs::remove(folder, is_in_use) && folder != first_made_;)
    folder = folder.parent_path();
}

RunDirectory RunDirectory::open(const fs::path& path) {
  if (!fs::exists(path / "recipe.toml"))
    throw FileError(path.string(), "missing", "holds no run: recipe.toml is not there");
  RunDirectory run(path, lock_folder(path));
  repair_folder(run.final_model());
  repair_folder(run.best_model());
  remove_temporaries(path, ".tmp-");
  if (fs::exists(path / "reference")) remove_temporaries(path / "reference", ".tmp");
  return run;
}

void RunDirectory::write_recipe(const std::string& recipe_toml) const {
  write_file_atomically(recipe(), recipe_toml);
}

void RunDirectory::write_samples(const std::string& name, const std::string& text) const {
  write_file_atomically(samples() / name, text);
}

void RunDirectory::drop_samples_after(int64_t step) const {
  for (const auto& entry : fs::directory_iterator(samples())) {
    const std::string name = entry.path().filename().string();
    const size_t begin = name.find("step-");
    const bool is_temporary = name.find(".tmp-") != std::string::npos;
    if (is_temporary || (begin != std::string::npos &&
                         step_of_name(name.substr(begin, name.find('.') - begin)) > step))
      fs::remove(entry.path());
  }
}

void publish_folder(const fs::path& target, const std::function<void(const fs::path&)>& write) {
  const fs::path temporary = temporary_of(target);
  fs::remove_all(temporary);
  make_folder(temporary);
  try {
    write(temporary);
    sync_tree(temporary);
  } catch (...) {
    std::error_code ignored;  // the first error is the one to report
    fs::remove_all(temporary, ignored);
    throw;
  }
  // rename(2) replaces no folder that holds files: the old one steps aside first, and
  // repair_folder puts it back after a kill in between.
  if (fs::exists(target)) rename_path(target, replaced_of(target));
  rename_path(temporary, target);
  sync_folder_of(target);
  fs::remove_all(replaced_of(target));
}

void write_status(const fs::path& run, RunPhase phase, const std::string& reason, int64_t step,
                  int64_t steps) {
  const nlohmann::ordered_json status{{"state", kPhaseNames[static_cast<size_t>(phase)]},
                                      {"reason", reason},
                                      {"step", step},
                                      {"steps", steps},
                                      {"pid", ::getpid()},
                                      {"updated", utc_now()}};
  write_file_atomically(
      run / "status.json",
      status.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

std::string step_name(int64_t step) {
  return fmt::format("step-{:06}", step);
}

int64_t step_of_name(const std::string& name) {
  if (!name.starts_with("step-")) return -1;
  int64_t step = -1;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + 5, end, step);
  return error == std::errc() && stop == end && step_name(step) == name ? step : -1;
}

void sync_tree(const fs::path& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    sync_path(entry.path(), entry.is_directory() ? O_RDONLY | O_DIRECTORY : O_RDONLY);
  sync_path(folder, O_RDONLY | O_DIRECTORY);
}

}  // namespace gradus::rl
