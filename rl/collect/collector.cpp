#include "rl/collect/collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "rl/collect/reward_model_rule.h"
#include "rl/collect/shaping.h"
#include "rl/collect/shared_sampling.h"

namespace gradus::rl {
namespace {

/// Batches of one step run in turn.
void add_batch(rollout::RolloutStats& sum, const rollout::RolloutStats& part) {
  add_counts(sum, part);
  sum.peak_blocks = std::max(sum.peak_blocks, part.peak_blocks);
  sum.seconds += part.seconds;
}

// One bad prompt is a record; when nothing can be sampled at all, no later step will fare better.
void refuse_if_all_failed(const std::vector<Group>& groups, int64_t step) {
  const rollout::Completion* failed = nullptr;
  for (const auto& rollout : groups)
    for (const auto& completion : rollout.completions) {
      if (completion.finish != rollout::FinishReason::failed) return;
      failed = &completion;
    }
  if (failed != nullptr)
    throw Error(
        fmt::format("step {}: every rollout failed, the last one: {}", step, failed->error));
}

// Completions that other weights sampled would be trained on with wrong ratios, silently.
void check_versions(const std::vector<rollout::Rollout>& rollouts, int64_t version) {
  for (const auto& rollout : rollouts)
    for (const auto& completion : rollout.completions)
      if (is_trainable(completion) && completion.policy_version != version)
        throw Error(
            fmt::format("prompt {}: sampled by policy version {}, version {} is in training",
                        rollout.prompt.id, completion.policy_version, version));
}

// Before a run trains on nothing: no rule had anything to say of any completion.
void refuse_if_nothing_graded(const Collection& collection, int64_t step) {
  std::string reason;
  for (const auto* groups : {&collection.used, &collection.dropped}) {
    for (const Group& group : *groups) {
      for (const auto& grades : group.grades) {
        for (size_t i = 0; i < grades.size(); ++i) {
          if (!is_trainable(group.completions[i])) continue;
          if (grades[i].outcome != rewards::GradeOutcome::skipped) return;
          if (reason.empty()) reason = group.prompt.id + ": " + grades[i].reason;
        }
      }
    }
  }
  if (reason.empty()) return;
  throw ConfigError(
      fmt::format("step {}: the rules skipped every completion, so that there is nothing to learn "
                  "from; {}. Give the rows that column, or name theirs in the rule's `reference`",
                  step, reason));
}

}  // namespace

Collector::Collector(CollectSettings settings, Run& run, Learner& learner)
    : settings_(std::move(settings)),
      run_(run),
      learner_(learner),
      prompts_(rollout::make_prompt_source(settings_.data, learner.tokenizer(),
                                           learner.max_context(), settings_.seed)),
      rules_(make_reward_set(settings_.rewards)),
      pool_(learner.policy(), *learner.tokenizer().tokenizer, settings_.rollout, learner.threads(),
            run.clock()) {
  rules_.measure_with(run.clock());
  rules_.stop_with(run.stop());
  warn_about(*prompts_, run.observer());
  for (const auto& notice : rules_.notices()) run.observer().on_warning(notice);
}

std::optional<Collection> Collector::collect(int64_t step, int64_t cursor,
                                             const rollout::SamplingConfig& sampling) {
  Collection collection;
  collection.cursor = cursor;
  const auto wanted = static_cast<size_t>(settings_.num_groups);
  while (collection.rounds < settings_.max_rounds && collection.used.size() < wanted) {
    const auto missing = static_cast<int64_t>(wanted - collection.used.size());
    auto groups =
        sample(requests_for(step, missing, sampling, collection.cursor), step, collection);
    if (!groups) return std::nullopt;
    ++collection.rounds;
    if (settings_.samples_greedy && !add_greedy(*groups, step, collection)) return std::nullopt;
    for (Group& group : *groups) {
      const bool is_kept = !settings_.is_kept || settings_.is_kept(group);
      (is_kept ? collection.used : collection.dropped).push_back(std::move(group));
    }
  }
  if (collection.stats.failed_calls > 0)
    run_.observer().on_warning(fmt::format(
        "step {}: {} decode calls failed and were tried again with less, the first one: {}", step,
        collection.stats.failed_calls, collection.stats.failure));
  if (cursor == 0 && !settings_.rewards.empty()) refuse_if_nothing_graded(collection, step);
  return collection;
}

std::vector<rollout::RolloutRequest> Collector::requests_for(
    int64_t step, int64_t count, const rollout::SamplingConfig& sampling, int64_t& cursor) const {
  std::vector<rollout::RolloutRequest> requests;
  for (int64_t i = 0; i < count; ++i, ++cursor)
    requests.push_back({prompts_->at(cursor), settings_.group_size, settings_.seed,
                        static_cast<uint64_t>(step), static_cast<uint64_t>(cursor), sampling,
                        settings_.keeps_experts});
  return requests;
}

std::optional<std::vector<Group>> Collector::sample(std::vector<rollout::RolloutRequest> requests,
                                                    int64_t step, Collection& collection) {
  run_.observer().on_phase(step, "rollout");
  const auto count = std::ssize(requests);
  int64_t done = 0;
  SamplingHooks hooks;
  hooks.on_answer = [&] { run_.observer().on_progress(++done, count); };
  hooks.on_grading = [&] { run_.observer().on_phase(step, "rewards"); };
  hooks.check = [&](const std::vector<rollout::Rollout>& rollouts) {
    check_versions(rollouts, learner_.policy().version());
  };
  const SamplingTools tools{pool_,        rules_,      learner_.threads(),
                            run_.clock(), run_.stop(), &learner_.communicator()};
  auto batch = sample_and_grade(std::move(requests), tools, hooks);
  if (!batch) return std::nullopt;
  refuse_if_all_failed(batch->groups, step);
  rewards::check_failed_share(batch->counts, settings_.max_failed_share);
  add_batch(collection.stats, batch->stats);
  collection.sample_s += batch->sample_s;
  collection.grade_s += batch->grade_s;
  collection.rule_s.resize(batch->counts.size());
  for (size_t rule = 0; rule < batch->counts.size(); ++rule)
    collection.rule_s[rule] += batch->counts[rule].seconds;
  if (settings_.stop_properly_coef) shape_stops(batch->groups, *settings_.stop_properly_coef);
  return std::move(batch->groups);
}

// False: stopped.
bool Collector::add_greedy(std::vector<Group>& groups, int64_t step, Collection& collection) {
  rollout::SamplingConfig greedy = settings_.rollout.sampling;
  greedy.temperature = 0.0;
  std::vector<rollout::RolloutRequest> requests;
  for (size_t g = 0; g < groups.size(); ++g)
    requests.push_back(
        {groups[g].prompt, 1, settings_.seed, static_cast<uint64_t>(step), g, greedy, false});
  const auto graded = sample(std::move(requests), step, collection);
  if (!graded) return false;
  for (size_t g = 0; g < graded->size(); ++g)
    groups[g].greedy_reward = (*graded)[g].rewards.front();
  return true;
}

void warn_about(const rollout::PromptSource& prompts, RunObserver& observer) {
  const auto& skipped = prompts.skipped();
  if (!skipped.empty())
    observer.on_warning(
        fmt::format("data: {} rows left out, the first: {}", skipped.size(), skipped.front()));
  if (prompts.num_duplicates() > 0)
    observer.on_warning(
        fmt::format("data: {} rows repeat an earlier one", prompts.num_duplicates()));
}

}  // namespace gradus::rl
