#include "rl/collect/grading.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <system_error>
#include <thread>
#include <utility>

namespace gradus::rl {
namespace {

rewards::RewardInput input_of(const rollout::Prompt& prompt,
                              const rollout::Completion& completion) {
  return {prompt.text,
          prompt.messages.is_null() ? nullptr : &prompt.messages,
          completion.text,
          completion.tokens,
          completion.is_truncated(),
          prompt.row.is_null() ? nullptr : &prompt.row};
}

}  // namespace

Group grade_rollout(rollout::Rollout rollout, rewards::RewardSet& rules) {
  Group group;
  group.prompt = std::move(rollout.prompt);
  group.completions = std::move(rollout.completions);
  const size_t size = group.completions.size();
  std::vector<rewards::RewardInput> inputs;
  std::vector<size_t> places;
  for (size_t i = 0; i < size; ++i) {
    if (!is_trainable(group.completions[i])) continue;
    inputs.push_back(input_of(group.prompt, group.completions[i]));
    places.push_back(i);
  }
  group.rewards.assign(size, std::numeric_limits<double>::quiet_NaN());
  group.advantages.assign(size, 0.0);
  group.grades.resize(rules.rule_names().size());
  for (auto& grades : group.grades)
    for (const auto& completion : group.completions)
      grades.push_back(rewards::skipped("the rollout failed: " + completion.error));
  group.terms = rules.terms();
  group.contributions.assign(group.grades.size(), std::vector<rewards::Contribution>(size));
  if (inputs.empty() || group.grades.empty()) return group;
  auto graded = rules.grade(inputs);
  for (size_t i = 0; i < places.size(); ++i) {
    group.rewards[places[i]] = graded.rewards[i];
    for (size_t rule = 0; rule < group.grades.size(); ++rule) {
      group.grades[rule][places[i]] = std::move(graded.grades[rule][i]);
      group.contributions[rule][places[i]] = graded.contributions[rule][i];
    }
  }
  return group;
}

std::vector<Group> grade_rollouts(std::vector<rollout::Rollout> rollouts, rewards::RewardSet& rules,
                                  int num_threads, const std::stop_token& stop) {
  std::vector<Group> groups(rollouts.size());
  std::atomic<size_t> next{0};
  std::vector<std::exception_ptr> errors(rollouts.size());
  const auto work = [&] {
    for (size_t i; !stop.stop_requested() && (i = next.fetch_add(1)) < rollouts.size();) {
      try {
        groups[i] = grade_rollout(std::move(rollouts[i]), rules);
      } catch (...) {  // the edge of a thread; thrown again below
        errors[i] = std::current_exception();
      }
    }
  };
  {
    const auto count = std::min(static_cast<size_t>(std::max(1, num_threads)), rollouts.size());
    std::vector<std::jthread> threads;
    try {
      for (size_t i = 1; i < count; ++i) threads.emplace_back(work);
    } catch (const std::system_error&) {
      // No more threads are to be had; fewer give the same grades, later.
    }
    work();
  }
  for (const auto& error : errors)
    if (error) std::rethrow_exception(error);
  return groups;
}

}  // namespace gradus::rl
