#include "runs/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/files/file_descriptor.h"
#include "base/json.h"
#include "rl/run/checkpoint_store.h"
#include "rl/run/run_directory.h"
#include "runs/run_view.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxStateBytes = 64 << 20;
constexpr int64_t kBlock = 512;  // of st_blocks, whatever the file system's own

/// Whether the process has this very file open: pids are used again, and elsewhere mean others.
bool has_open(pid_t pid, const struct stat& file) {
  std::error_code failed;
  for (const auto& entry : fs::directory_iterator(fmt::format("/proc/{}/fd", pid), failed)) {
    struct stat other {};
    if (::stat(entry.path().c_str(), &other) == 0 && other.st_dev == file.st_dev &&
        other.st_ino == file.st_ino)
      return true;
  }
  return false;
}

/// The run's lock file where a process holds it, which loses it when it dies, however it dies;
/// closed: none does.
FileDescriptor held_lock(const fs::path& run) {
  const fs::path path = run / ".lock";
  if (!fs::exists(path)) return {};
  try {
    FileDescriptor lock = open_file(path, O_RDONLY);
    const bool is_free = uninterrupted([&] { return ::flock(lock.get(), LOCK_SH | LOCK_NB); }) == 0;
    return is_free ? FileDescriptor() : std::move(lock);
  } catch (const FileError&) {
    return {};  // what cannot be opened, no process can have locked
  }
}

int64_t best_step_of(const fs::path& checkpoint) {
  const auto state = read_json(checkpoint / "state.json", kMaxStateBytes);
  const auto best = state.find("best_step");
  return best != state.end() && best->is_number_integer() ? best->get<int64_t>() : -1;
}

bool is_whole(const fs::path& checkpoint) {
  try {
    rl::verify_checkpoint(checkpoint);
    return true;
  } catch (const FileError& error) {
    if (!rl::is_damage(error)) throw;  // a whole one that cannot be read now is not dispensable
    return false;
  }
}

/// Steps of the checkpoints to keep, the newest first.
std::set<int64_t> kept_steps(const fs::path& folder, std::vector<int64_t> steps, int keep) {
  std::ranges::sort(steps, std::greater());
  std::set<int64_t> kept;
  for (const int64_t step : steps) {
    if (std::ssize(kept) >= keep) break;
    if (is_whole(folder / rl::step_name(step))) kept.insert(step);
  }
  if (!kept.empty()) kept.insert(best_step_of(folder / rl::step_name(*kept.rbegin())));
  return kept;
}

void add_use(const fs::path& path, std::set<std::pair<dev_t, ino_t>>& seen, DiskUse& use) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return;  // a run that goes on removes files meanwhile
  if (file.st_nlink > 1 && !S_ISDIR(file.st_mode) &&
      !seen.insert({file.st_dev, file.st_ino}).second)
    return;
  use.bytes += file.st_blocks * kBlock;
  use.files += S_ISDIR(file.st_mode) ? 0 : 1;
}

}  // namespace

std::optional<fs::path> find_run(const std::string& name) {
  if (is_run(name)) return name;
  const fs::path named = fs::path("runs") / name;
  return is_run(named) ? std::optional(named) : std::nullopt;
}

fs::path locate_run(const std::string& name) {
  if (const auto run = find_run(name)) return *run;
  throw FileError(
      name, "missing",
      fmt::format("is no run's folder, nor is runs/{}; `gradus runs list` names the runs", name));
}

std::string name_of_run(const fs::path& run) {
  std::error_code failed;
  const fs::path folder = fs::absolute(run, failed).lexically_normal();
  const fs::path plain = folder.has_filename() ? folder : folder.parent_path();
  const bool is_ours = !failed && plain.parent_path() == fs::absolute("runs", failed);
  return is_ours ? plain.filename().string() : run.string();
}

bool is_held(const fs::path& run) {
  return held_lock(run).is_open();
}

std::optional<Holder> holder_of(const fs::path& run) {
  const FileDescriptor lock = held_lock(run);
  struct stat file {};
  if (!lock.is_open() || ::fstat(lock.get(), &file) != 0) return std::nullopt;
  std::array<char, 16> text{};
  const ssize_t length = ::pread(lock.get(), text.data(), text.size(), 0);
  Holder holder;
  if (length > 0) std::from_chars(text.data(), text.data() + length, holder.pid);
  if (holder.pid <= 1 || !has_open(holder.pid, file)) holder.pid = 0;
  return holder;
}

std::vector<DiskUse> disk_use(const fs::path& run) {
  std::vector<DiskUse> uses;
  std::set<std::pair<dev_t, ino_t>> seen;
  const auto options = fs::directory_options::skip_permission_denied;
  for (const auto& entry : fs::directory_iterator(run, options)) {
    DiskUse& use = uses.emplace_back(DiskUse{entry.path().filename().string(), 0, 0});
    add_use(entry.path(), seen, use);
    if (!entry.is_directory() || entry.is_symlink()) continue;
    for (const auto& inner : fs::recursive_directory_iterator(entry.path(), options))
      add_use(inner.path(), seen, use);
  }
  std::ranges::sort(uses, [](const DiskUse& a, const DiskUse& b) {
    return std::tie(b.bytes, a.name) < std::tie(a.bytes, b.name);
  });
  return uses;
}

int64_t total_bytes(const std::vector<DiskUse>& uses) {
  int64_t bytes = 0;
  for (const DiskUse& use : uses) bytes += use.bytes;
  return bytes;
}

std::vector<fs::path> dispensable(const fs::path& run, int keep) {
  const fs::path folder = run / "checkpoints";
  std::vector<fs::path> paths;
  if (!fs::is_directory(folder)) return paths;
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (const int64_t step = rl::step_of_name(name); step >= 0) {
      steps.push_back(step);
    } else if (name.starts_with("damaged-") || name.starts_with(".tmp-")) {
      paths.push_back(entry.path());
    }
  }
  const std::set<int64_t> kept = kept_steps(folder, steps, keep);
  if (kept.empty() && keep > 0) return paths;  // none is whole: what there is may yet be mended
  for (const int64_t step : steps)
    if (!kept.contains(step)) paths.push_back(folder / rl::step_name(step));
  std::ranges::sort(paths);
  return paths;
}

void remove_from_run(const std::vector<fs::path>& paths) {
  for (const fs::path& path : paths) {
    fs::path hidden = path;
    if (const std::string name = path.filename().string(); !name.starts_with(".tmp-")) {
      hidden = path.parent_path() / (".tmp-removed-" + name);
      if (::rename(path.c_str(), hidden.c_str()) != 0)
        throw_file_error(path, "remove_failed", "cannot be removed", errno);
    }
    std::error_code failed;
    fs::remove_all(hidden, failed);
    if (failed)
      throw FileError(hidden.string(), "remove_failed", "cannot be removed: " + failed.message());
  }
}

std::vector<rl::MetricsRecord> StepFollower::poll() {
  const fs::path path = run_ / "metrics.jsonl";
  std::vector<rl::MetricsRecord> records;
  std::error_code missing;
  const auto size = static_cast<int64_t>(fs::file_size(path, missing));
  if (missing) return records;
  if (size < offset_) offset_ = 0;  // cut by a resume: from the start, older steps are told again
  if (size == offset_) return records;
  std::ifstream file(path, std::ios::binary);
  file.seekg(offset_);
  for (std::string line; std::getline(file, line) && !file.eof();) {
    offset_ += std::ssize(line) + 1;
    records.push_back(rl::parse_metrics_line(line, path.string()));
  }
  return records;
}

}  // namespace gradus::runs
