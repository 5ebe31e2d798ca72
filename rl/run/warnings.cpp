#include "rl/run/warnings.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "rl/run/metrics_log.h"
#include "rl/run/resumed_log.h"

namespace gradus::rl {
namespace {

constexpr size_t kMostUnwritten = 1000;
constexpr int64_t kMaxWarningBytes = int64_t{64} << 20;

std::optional<KeptWarning> warning_of(const std::string& line) {
  try {
    const auto json = parse_json(line, "warnings.jsonl");
    return KeptWarning{json.at("step").get<int64_t>(), json.at("time").get<std::string>(),
                       json.at("message").get<std::string>()};
  } catch (const FileError&) {
    return std::nullopt;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace

WarningKeeper::WarningKeeper(std::filesystem::path path, RunObserver& observer)
    : path_(std::move(path)), observer_(observer) {
  for (auto& warning : read_warnings(path_)) kept_.emplace(warning.step, warning.message);
}

void WarningKeeper::on_phase(int64_t step, const std::string& phase) {
  {
    const std::lock_guard lock(mutex_);
    step_ = step;
  }
  observer_.on_phase(step, phase);
}

void WarningKeeper::on_warning(const std::string& message) {
  {
    const std::lock_guard lock(mutex_);
    if (kept_.emplace(step_, message).second) {
      unwritten_.push_back(dump_json({{"step", step_}, {"time", utc_now()}, {"message", message}}));
      write();
    }
  }
  observer_.on_warning(message);
}

// What cannot be written, e.g. on the full disk that it tells of, is written with a later one.
void WarningKeeper::write() {
  try {
    if (!file_) {
      const int64_t whole = whole_lines(path_);
      file_.emplace(path_);
      file_->truncate_to(whole);
    }
    while (!unwritten_.empty()) {
      append_line_or_nothing(*file_, unwritten_.front());
      unwritten_.pop_front();
    }
  } catch (const FileError&) {
    if (unwritten_.size() > kMostUnwritten) unwritten_.pop_front();
  }
}

std::vector<KeptWarning> read_warnings(const std::filesystem::path& path) {
  std::vector<KeptWarning> warnings;
  if (!std::filesystem::exists(path)) return warnings;
  const std::string text = read_file(path, kMaxWarningBytes);
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    if (auto warning = warning_of(text.substr(begin, end - begin)))
      warnings.push_back(std::move(*warning));
  return warnings;
}

}  // namespace gradus::rl
