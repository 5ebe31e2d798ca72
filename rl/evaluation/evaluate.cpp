#include "rl/evaluation/evaluate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "rl/collect/grade_record.h"
#include "rl/collect/reward_model_rule.h"
#include "rl/collect/shared_sampling.h"
#include "rl/learn/work_model.h"

namespace gradus::rl {
namespace {

using nlohmann::ordered_json;

constexpr int64_t kBatchCompletions = 1024;  // held at one time while they are sampled

rollout::SamplingConfig sampling_of(const EvalPlan& plan) {
  rollout::SamplingConfig sampling = plan.sampling;
  sampling.temperature = plan.eval.temperature;
  if (plan.eval.max_tokens > 0) sampling.max_tokens = plan.eval.max_tokens;
  return sampling;
}

rollout::DataConfig data_of(const EvalPlan& plan) {
  rollout::DataConfig data = plan.eval.data;
  data.shuffle = false;  // problem i is row i, in every evaluation
  return data;
}

size_t find_rule(const rewards::RewardSet& rules, const std::string& name,
                 const std::string& place) {
  const auto names = rules.rule_names();
  if (name.empty()) return 0;
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    throw ConfigError(fmt::format("{}.answer_rule: is {}, must be one of {}", place, name,
                                  fmt::join(names, ", ")));
  return static_cast<size_t>(found - names.begin());
}

std::string last_line(const std::string& text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return "";
  const size_t newline = text.find_last_of('\n', end);
  const size_t begin = newline == std::string::npos ? 0 : newline + 1;
  return text.substr(begin, end + 1 - begin);
}

std::string answer_of(const rewards::Grade& grade, const rollout::Completion& completion) {
  if (grade.details.is_object() && grade.details.contains("answer")) {
    const auto& answer = grade.details["answer"];
    return answer.is_string() ? answer.get<std::string>() : answer.dump();
  }
  return last_line(completion.text);
}

EvalProblem judge(Group group, size_t rule, double right_from) {
  EvalProblem problem{std::move(group), {}, {}};
  for (size_t i = 0; i < problem.group.completions.size(); ++i) {
    const rewards::Grade& grade = problem.group.grades[rule][i];
    const bool is_scored = grade.outcome == rewards::GradeOutcome::scored;
    problem.is_right.push_back(is_scored && grade.value >= right_from ? 1 : 0);
    problem.answers.push_back(answer_of(grade, problem.group.completions[i]));
  }
  return problem;
}

// No gold answer, or one the rule cannot read: the problem says nothing of the policy.
bool is_unscorable(const EvalProblem& problem, size_t rule) {
  bool has_sample = false;
  for (size_t i = 0; i < problem.is_right.size(); ++i) {
    if (!is_trainable(problem.group.completions[i])) continue;
    has_sample = true;
    if (problem.group.grades[rule][i].outcome != rewards::GradeOutcome::skipped) return false;
  }
  return has_sample;
}

bool is_majority_right(const EvalProblem& problem, int64_t k) {
  size_t best = 0;
  int64_t best_votes = 0;
  for (size_t i = 0; i < static_cast<size_t>(k); ++i) {
    const auto begin = problem.answers.begin();
    const int64_t votes = std::count(begin, begin + k, problem.answers[i]);
    if (votes > best_votes) {
      best_votes = votes;
      best = i;
    }
  }
  return problem.is_right[best] != 0;
}

int64_t num_right(const EvalProblem& problem) {
  return std::count(problem.is_right.begin(), problem.is_right.end(), uint8_t{1});
}

void sum_up_rule(EvalResult& result, size_t rule) {
  double sum = 0.0;
  int64_t count = 0;
  const std::string& name = result.rule_names[rule];
  for (const auto& problem : result.problems)
    for (const auto& grade : problem.group.grades[rule]) {
      if (grade.outcome == rewards::GradeOutcome::failed) ++result.rule_failed[name];
      if (grade.outcome == rewards::GradeOutcome::timed_out) ++result.rule_timed_out[name];
      if (grade.outcome != rewards::GradeOutcome::scored) continue;
      sum += grade.value;
      ++count;
    }
  if (count > 0) result.rule_means[name] = sum / static_cast<double>(count);
}

void sum_up_completions(EvalResult& result, size_t answer_rule) {
  int64_t count = 0;
  int64_t truncated = 0;
  int64_t tokens = 0;
  for (const auto& problem : result.problems)
    for (size_t i = 0; i < problem.is_right.size(); ++i) {
      const auto& completion = problem.group.completions[i];
      ++count;
      truncated += completion.is_truncated() ? 1 : 0;
      tokens += static_cast<int64_t>(completion.tokens.size());
      const auto outcome = problem.group.grades[answer_rule][i].outcome;
      const bool is_broken =
          outcome == rewards::GradeOutcome::failed || outcome == rewards::GradeOutcome::timed_out;
      result.num_failed += !is_trainable(completion) || is_broken ? 1 : 0;
    }
  if (count == 0) return;
  result.truncated_share = static_cast<double>(truncated) / static_cast<double>(count);
  result.mean_tokens = static_cast<double>(tokens) / static_cast<double>(count);
}

void add_cost(EvalResult& result, const WorkModel& work, const Group& group) {
  std::vector<int64_t> lengths;
  for (const auto& completion : group.completions) lengths.push_back(std::ssize(completion.tokens));
  const int64_t prompt = std::ssize(group.prompt.tokens);
  result.prompt_tokens += prompt;
  for (const int64_t length : lengths) result.completion_tokens += length;
  result.flops += work.rollout(prompt, lengths);
}

}  // namespace

uint64_t evaluation_seed(uint64_t seed) {
  return seed ^ hash_text("evaluation");
}

Evaluator::Evaluator(const EvalPlan& plan, const policy::LoadedTokenizer& tokenizer,
                     int max_context)
    : config_(plan.eval),
      sampling_(sampling_of(plan)),
      seed_(evaluation_seed(plan.seed)),
      prompts_(rollout::make_prompt_source(data_of(plan), tokenizer, max_context,
                                           evaluation_seed(plan.eval.seed))),
      rules_(make_reward_set(plan.rewards)),
      answer_rule_(find_rule(rules_, plan.eval.answer_rule, plan.place)) {
  num_problems_ = prompts_->size() > 0 ? prompts_->size() : config_.data.count;
  if (num_problems_ <= 0)
    throw ConfigError(fmt::format(
        "{0}.data: holds no problem; check {0}.data.path and {0}.data.count", plan.place));
}

std::vector<rollout::RolloutRequest> Evaluator::requests_for(int64_t begin, int64_t end) const {
  std::vector<rollout::RolloutRequest> requests;
  for (int64_t i = begin; i < end; ++i)
    requests.push_back(
        {prompts_->at(i), config_.samples, seed_, 0, static_cast<uint64_t>(i), sampling_});
  return requests;
}

std::optional<EvalResult> Evaluator::evaluate(const policy::Policy& policy,
                                              rollout::RolloutPool& pool, int num_threads,
                                              std::stop_token stop, const Progress& progress,
                                              Communicator* ranks) {
  rules_.stop_with(stop);
  EvalResult result;
  const WorkModel work(policy.model_config(), policy.policy_config());
  result.rule_names = rules_.rule_names();
  const SamplingTools tools{pool, rules_, num_threads, machine_clock(), stop, ranks};
  const int64_t stride = std::max<int64_t>(1, kBatchCompletions / config_.samples);
  for (int64_t begin = 0; begin < num_problems_; begin += stride) {
    const int64_t end = std::min(num_problems_, begin + stride);
    int64_t done = begin;
    SamplingHooks hooks;
    hooks.on_answer = [&] {
      if (progress) progress(++done, num_problems_);
    };
    auto batch = sample_and_grade(requests_for(begin, end), tools, hooks);
    if (!batch) return std::nullopt;
    for (auto& group : batch->groups) {
      add_cost(result, work, group);
      EvalProblem problem = judge(std::move(group), answer_rule_, config_.right_from);
      if (is_unscorable(problem, answer_rule_))
        ++result.num_skipped;
      else
        result.problems.push_back(std::move(problem));
    }
    result.seconds += batch->stats.seconds;
  }
  result.num_problems = static_cast<int64_t>(result.problems.size());
  sum_up_answers(result, config_.samples);
  sum_up_completions(result, answer_rule_);
  for (size_t rule = 0; rule < result.rule_names.size(); ++rule) sum_up_rule(result, rule);
  return result;
}

void sum_up_answers(EvalResult& result, int64_t samples) {
  std::vector<double> shares;
  for (const auto& problem : result.problems)
    shares.push_back(static_cast<double>(num_right(problem)) / static_cast<double>(samples));
  result.accuracy = accuracy_by_problem(shares);
  const double n = std::max<double>(1.0, static_cast<double>(result.problems.size()));
  for (const int64_t k : powers_of_two_up_to(samples)) {
    double pass = 0.0;
    double majority = 0.0;
    for (const auto& problem : result.problems) {
      pass += pass_at_k(samples, num_right(problem), k);
      majority += is_majority_right(problem, k) ? 1.0 : 0.0;
    }
    result.pass_at.emplace_back(k, pass / n);
    result.maj_at.emplace_back(k, majority / n);
  }
}

Metrics eval_metrics(const EvalResult& result) {
  Metrics metrics{{"eval/accuracy", result.accuracy.value},
                  {"eval/accuracy/low", result.accuracy.low},
                  {"eval/accuracy/high", result.accuracy.high},
                  {"eval/mean_length", result.mean_tokens},
                  {"eval/clipped_ratio", result.truncated_share},
                  {"eval/problems", static_cast<double>(result.num_problems)},
                  {"eval/skipped", static_cast<double>(result.num_skipped)},
                  {"eval/failed", static_cast<double>(result.num_failed)},
                  {"time/eval", result.seconds}};
  for (const auto& [k, share] : result.pass_at)
    if (k > 1) metrics[fmt::format("eval/pass@{}", k)] = share;
  for (const auto& [k, share] : result.maj_at)
    if (k > 1) metrics[fmt::format("eval/maj@{}", k)] = share;
  for (const auto& [rule, mean] : result.rule_means) metrics["eval/rewards/" + rule] = mean;
  for (const auto& [rule, count] : result.rule_failed)
    metrics["eval/rewards/" + rule + "/failed"] = static_cast<double>(count);
  for (const auto& [rule, count] : result.rule_timed_out)
    metrics["eval/rewards/" + rule + "/timed_out"] = static_cast<double>(count);
  return metrics;
}

std::string eval_lines(const EvalResult& result, const std::string& set) {
  std::string lines;
  for (const auto& problem : result.problems) {
    ordered_json samples = ordered_json::array();
    for (size_t i = 0; i < problem.is_right.size(); ++i) {
      const auto& completion = problem.group.completions[i];
      ordered_json grades = ordered_json::object();
      for (size_t rule = 0; rule < result.rule_names.size(); ++rule)
        grades[result.rule_names[rule]] = grade_json(problem.group.grades[rule][i]);
      samples.push_back({{"completion", completion.text},
                         {"answer", problem.answers[i]},
                         {"is_right", problem.is_right[i] != 0},
                         {"finish", finish_name(completion.finish)},
                         {"error", completion.error},
                         {"num_tokens", completion.tokens.size()},
                         {"grades", std::move(grades)}});
    }
    ordered_json line = ordered_json::object();
    if (!set.empty()) line["set"] = set;
    line["id"] = problem.group.prompt.id;
    line["prompt"] = problem.group.prompt.text;
    line["right"] = num_right(problem);
    line["samples"] = std::move(samples);
    lines += line.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
  }
  return lines;
}

}  // namespace gradus::rl
