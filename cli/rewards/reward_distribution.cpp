#include "cli/rewards/reward_distribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/quantity.h"
#include "cli/text_table.h"

namespace gradus::cli {
namespace {

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double deviation_of(const std::vector<double>& values, double mean) {
  if (values.size() < 2) return 0.0;
  double squares = 0.0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

std::string share_of(const std::vector<double>& values, double wanted) {
  const auto count = std::count(values.begin(), values.end(), wanted);
  return share_text(static_cast<double>(count) / static_cast<double>(values.size()));
}

}  // namespace

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return std::nan("");
  const double place = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

RewardDistribution::RewardDistribution(std::vector<std::string> rule_names) {
  for (auto& name : rule_names) rules_.push_back({std::move(name), {}, 0, 0, 0, ""});
  reward_.name = "reward";
}

void RewardDistribution::add_grade(Line& line, const rewards::Grade& grade) {
  using rewards::GradeOutcome;
  if (grade.outcome == GradeOutcome::scored) return line.values.push_back(grade.value);
  line.skipped += grade.outcome == GradeOutcome::skipped ? 1 : 0;
  line.failed += grade.outcome == GradeOutcome::failed ? 1 : 0;
  line.timed_out += grade.outcome == GradeOutcome::timed_out ? 1 : 0;
  if (line.first_reason.empty()) line.first_reason = grade.reason;
}

void RewardDistribution::add(const rewards::GradedGroup& graded) {
  for (size_t rule = 0; rule < rules_.size(); ++rule) {
    for (const auto& grade : graded.grades[rule]) add_grade(rules_[rule], grade);
  }
  for (const double reward : graded.rewards) {
    if (std::isnan(reward)) {
      ++reward_.skipped;
    } else {
      reward_.values.push_back(reward);
    }
  }
}

std::string RewardDistribution::text() const {
  TextTable table({"rule", "scored", "mean", "std", "min", "25 %", "median", "75 %", "max", "at 0",
                   "at 1", "skipped", "failed", "timed out"});
  std::string reasons;
  std::vector<const Line*> lines;
  for (const Line& line : rules_) lines.push_back(&line);
  lines.push_back(&reward_);
  for (const Line* line : lines) {
    std::vector<std::string> cells{line->name,
                                   exact_text(static_cast<int64_t>(line->values.size()))};
    std::vector<double> sorted = line->values;
    std::sort(sorted.begin(), sorted.end());
    if (sorted.empty()) {
      cells.insert(cells.end(), 9, "-");
    } else {
      const double mean = mean_of(sorted);
      for (const double figure :
           {mean, deviation_of(sorted, mean), sorted.front(), quantile(sorted, 0.25),
            quantile(sorted, 0.5), quantile(sorted, 0.75), sorted.back()}) {
        cells.push_back(short_number(figure));
      }
      cells.push_back(share_of(sorted, 0.0));
      cells.push_back(share_of(sorted, 1.0));
    }
    for (const int64_t count : {line->skipped, line->failed, line->timed_out}) {
      cells.push_back(exact_text(count));
    }
    table.add(std::move(cells));
    if (!line->first_reason.empty()) {
      reasons += line->name + ", the first not scored: " + line->first_reason + "\n";
    }
  }
  return table.text() + reasons;
}

int64_t RewardDistribution::num_broken() const {
  int64_t count = 0;
  for (const Line& line : rules_) count += line.failed + line.timed_out;
  return count;
}

}  // namespace gradus::cli
