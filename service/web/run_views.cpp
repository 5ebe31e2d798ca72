#include "service/web/run_views.h"

#include <algorithm>

#include "base/clock.h"
#include "runs/run_folder.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostSummaries = 2000;
constexpr size_t kMostKept = 4;  // a run of ten thousand steps takes 70 MB
constexpr double kIdle_s = 120.0;

}  // namespace

double steady_now_s() {
  return machine_clock().now_s();
}

RunSummary summary_of(const runs::RunView& run) {
  return {run.state,
          run.reason,
          run.updated,
          run.step,
          run.steps,
          run.last("reward"),
          run.last("eval/accuracy")};
}

RunViews::Stamp RunViews::stamp_of(const fs::path& run) {
  std::error_code missing;
  Stamp stamp;
  stamp.metrics_time = fs::last_write_time(run / "metrics.jsonl", missing);
  stamp.status_time = fs::last_write_time(run / "status.json", missing);
  stamp.metrics_bytes = fs::file_size(run / "metrics.jsonl", missing);
  stamp.is_held = runs::is_held(run);
  return stamp;
}

RunSummary RunViews::summary(const fs::path& run) {
  const Stamp stamp = stamp_of(run);
  {
    const std::lock_guard lock(mutex_);
    const auto found = summaries_.find(run.string());
    if (found != summaries_.end() && found->second.first == stamp) return found->second.second;
  }
  RunSummary summary;
  try {
    summary = with(run, [](const Kept& kept) { return summary_of(kept.view); });
  } catch (const std::exception& error) {
    summary.state = "unreadable";
    summary.reason = error.what();
  }
  const std::lock_guard lock(mutex_);
  if (summaries_.size() >= kMostSummaries) summaries_.clear();
  summaries_[run.string()] = {stamp, summary};
  return summary;
}

std::shared_ptr<RunViews::Kept> RunViews::find(const fs::path& run) {
  const std::lock_guard lock(mutex_);
  const double now = steady_now_s();
  std::erase_if(kept_, [&](const auto& one) { return one.second->used_s < now - kIdle_s; });
  auto found = kept_.find(run.string());
  if (found == kept_.end()) {
    if (kept_.size() >= kMostKept) {
      kept_.erase(
          std::ranges::min_element(kept_, {}, [](const auto& one) { return one.second->used_s; }));
    }
    found = kept_.emplace(run.string(), std::make_shared<Kept>()).first;
  }
  found->second->used_s = now;
  return found->second;
}

void RunViews::refresh(const fs::path& run, Kept& kept) {
  runs::RunView before = std::move(kept.view);
  kept.view = {};
  kept.view = runs::read_run_again(run, std::move(before));
}

}  // namespace gradus::service
