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

#include "base/clock.h"
#include "base/error.h"
#include "base/files/atomic_file.h"

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

}  // namespace

RunDirectory::RunDirectory(fs::path path, FileDescriptor lock)
    : path_(std::move(path)), lock_(std::move(lock)) {
  make_folder(checkpoints());
  make_folder(samples());
}

RunDirectory RunDirectory::create(const fs::path& path, const std::string& recipe_toml) {
  make_folder(path);
  RunDirectory run(path, lock_folder(path));
  if (fs::exists(run.recipe()))
    throw FileError(path.string(), "run_exists",
                    "holds a run already; resume it, or choose another run.dir");
  run.write_recipe(recipe_toml);
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  if (!fs::exists(path / "recipe.toml"))
    throw FileError(path.string(), "missing", "holds no run: recipe.toml is not there");
  RunDirectory run(path, lock_folder(path));
  repair_folder(run.final_model());
  repair_folder(run.best_model());
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().filename().string().find(".tmp-") != std::string::npos)
      fs::remove_all(entry.path());
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
  write(temporary);
  sync_tree(temporary);
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
