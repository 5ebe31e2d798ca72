#include <fmt/format.h>

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/quantity.h"
#include "base/settings/setting.h"
#include "cli/commands/command_record.h"
#include "cli/model_options.h"
#include "policy/checkpoint_tokenizer.h"
#include "policy/policy.h"
#include "rl/evaluation/evaluate.h"
#include "rl/recipe/load.h"
#include "rl/stages/sampled_evaluation.h"
#include "rollout/rollout_pool.h"

namespace gradus::cli {
namespace {

constexpr int64_t kGeneratedProblems = 200;  // of a task without end, unless --limit says more
constexpr double kSamplingTemperature = 0.6;
constexpr double kRedrawEvery_s = 0.2;

struct EvalOptions {
  ModelOptions model;
  std::string recipe;
  std::vector<std::string> settings;
  std::string data;
  std::string task;
  std::string prompt_template;
  std::optional<int> samples;
  std::optional<int64_t> limit;
  std::optional<double> temperature;
  std::optional<int> max_tokens;
  std::optional<uint64_t> seed;
  std::string out;
  bool as_json = false;
};

void apply_data(const EvalOptions& options, rl::EvalConfig& eval) {
  if (!options.data.empty() && !options.task.empty()) {
    throw ArgumentError("eval: give either --data or --task");
  }
  if (!options.data.empty() || !options.task.empty()) eval.sets.clear();
  if (!options.data.empty()) {
    eval.data.path = options.data;
    eval.data.task.clear();
  }
  if (!options.task.empty()) {
    eval.data.task = options.task;
    eval.data.path.clear();
  }
  if (!eval.has_problems()) {
    throw ArgumentError(
        "eval: no problems: give --data FILE, --task NAME or a --recipe with [eval.data]");
  }
  if (!options.prompt_template.empty()) eval.data.template_text = options.prompt_template;
  if (options.limit) eval.data.count = *options.limit;
  if (eval.has_data() && eval.data.path.empty() && eval.data.count == 0)
    eval.data.count = kGeneratedProblems;
  for (rl::EvalSet& set : eval.sets) {
    if (!options.prompt_template.empty()) set.data.template_text = options.prompt_template;
    if (options.limit) set.data.count = *options.limit;
  }
}

// What the command line says holds for every set.
void apply_sampling(const EvalOptions& options, rl::EvalConfig& eval) {
  for (rl::EvalSet& set : eval.sets) {
    if (options.samples) set.samples.reset();
    const bool is_greedy = set.temperature && *set.temperature <= 0.0;
    if (options.temperature || (options.samples && is_greedy)) set.temperature.reset();
    if (options.max_tokens) set.max_tokens.reset();
  }
  if (options.samples) eval.samples = *options.samples;
  if (options.temperature) eval.temperature = *options.temperature;
  // Greedy samples of one problem are all equal.
  const bool needs_chance = eval.samples > 1 && !options.temperature;
  if (needs_chance && eval.temperature <= 0.0) eval.temperature = kSamplingTemperature;
  if (options.max_tokens) eval.max_tokens = *options.max_tokens;
}

// The recipe's and --set's model settings hold for the checkpoint that is given. Adapters do not: a
// run's final/ has them in its weights.
void take_model(const EvalOptions& options, rl::RunConfig& config) {
  config.model.config.clear();
  config.model.tokenizer.clear();
  config.model.lora = {};
  for (const auto& setting : options.settings)
    if (setting.starts_with("model.lora.")) apply_set(config, setting);
  static_cast<policy::PolicyConfig&>(config.model) = policy_config(options.model, config.model);
}

rl::RunConfig config_of(const EvalOptions& options) {
  rl::RunConfig config;
  const bool has_recipe = !options.recipe.empty();
  if (has_recipe) {
    config = rl::load_run_config(options.recipe, options.settings);
  } else {
    config.rollout.sampling.max_tokens = 512;
    for (const auto& setting : options.settings) apply_set(config, setting);
  }
  apply_data(options, config.eval);
  if (config.rewards.empty() && config.eval.rewards.empty()) {
    config.eval.rewards.emplace_back().type = "accuracy";
  }
  apply_sampling(options, config.eval);
  if (options.seed) config.run.seed = *options.seed;
  take_model(options, config);
  check_settings(config, "eval");
  return config;
}

class Progress {
 public:
  explicit Progress(Session& session) : session_(session) {}
  ~Progress() {
    if (is_drawn_) *session_.screen << "\r\x1b[K" << std::flush;
  }

  void operator()(int64_t done, int64_t total) {
    const double now = clock_.now_s();
    if (!session_.err_is_terminal || now - drawn_s_ < kRedrawEvery_s) return;
    drawn_s_ = now;
    is_drawn_ = true;
    const double left =
        (now - begin_s_) * static_cast<double>(total - done) / static_cast<double>(done);
    *session_.screen << fmt::format("\r\x1b[K{}/{} problems, {} left", done, total,
                                    duration_text(left))
                     << std::flush;
  }

 private:
  Session& session_;
  SteadyClock clock_;
  double begin_s_ = clock_.now_s();
  double drawn_s_ = 0.0;
  bool is_drawn_ = false;
};

nlohmann::json as_json(const rl::EvalResult& result) {
  nlohmann::json json{{"accuracy", result.accuracy.value},
                      {"low", result.accuracy.low},
                      {"high", result.accuracy.high},
                      {"problems", result.num_problems},
                      {"skipped", result.num_skipped},
                      {"failed", result.num_failed},
                      {"truncated_share", result.truncated_share},
                      {"mean_tokens", result.mean_tokens},
                      {"prompt_tokens", result.prompt_tokens},
                      {"completion_tokens", result.completion_tokens},
                      {"flops", result.flops},
                      {"seconds", result.seconds},
                      {"rules", result.rule_means},
                      {"rules_failed", result.rule_failed},
                      {"rules_timed_out", result.rule_timed_out}};
  for (const auto& [k, share] : result.pass_at) json[fmt::format("pass@{}", k)] = share;
  for (const auto& [k, share] : result.maj_at) json[fmt::format("maj@{}", k)] = share;
  return json;
}

std::string left_out(const std::map<std::string, int64_t>& counts, const std::string& rule,
                     const char* what) {
  const auto found = counts.find(rule);
  return found == counts.end() ? "" : fmt::format(", {} {}: left out", found->second, what);
}

std::string as_text(const rl::EvalResult& result) {
  std::string text = fmt::format("accuracy  {:.4f}  95 % interval [{:.4f}, {:.4f}]  {} problems\n",
                                 result.accuracy.value, result.accuracy.low, result.accuracy.high,
                                 result.num_problems);
  for (size_t i = 0; i < result.pass_at.size(); ++i) {
    text += fmt::format("k = {:<4}  pass@k {:.4f}  maj@k {:.4f}\n", result.pass_at[i].first,
                        result.pass_at[i].second, result.maj_at[i].second);
  }
  for (const auto& [rule, mean] : result.rule_means) {
    text += fmt::format("{}  {} on the mean{}{}\n", rule, short_number(mean),
                        left_out(result.rule_failed, rule, "failed"),
                        left_out(result.rule_timed_out, rule, "timed out"));
  }
  text +=
      fmt::format("tokens    {:.1f} on the mean, {} of completions cut off, {} in all at {}/s\n",
                  result.mean_tokens, share_text(result.truncated_share),
                  count_text(static_cast<double>(result.completion_tokens)),
                  count_text(result.seconds > 0.0
                                 ? static_cast<double>(result.completion_tokens) / result.seconds
                                 : 0.0));
  if (result.num_skipped > 0) {
    text += fmt::format("skipped   {} problems without an answer that the rule can read\n",
                        result.num_skipped);
  }
  if (result.num_failed > 0) {
    text += fmt::format("failed    {} completions count as wrong: rollout or rule failed\n",
                        result.num_failed);
  }
  return text;
}

void print(const EvalOptions& options,
           const std::vector<std::pair<std::string, rl::EvalResult>>& results, Session& session) {
  nlohmann::json json = nlohmann::json::object();
  std::string text;
  std::string lines;
  for (const auto& [set, result] : results) {
    lines += rl::eval_lines(result, set);
    if (set.empty())
      json.update(as_json(result));
    else
      json["sets"][set] = as_json(result);
    if (!set.empty()) text += (text.empty() ? "" : "\n") + set + "\n";
    text += as_text(result);
  }
  if (!options.out.empty()) write_file_atomically(options.out, lines);
  session.out << (options.as_json ? dump_json(json) + "\n" : text);
}

void evaluate(const EvalOptions& options, Session& session) {
  const rl::RunConfig config = config_of(options);
  const auto team = make_team(options.model.threads, config.model);
  const auto tokenizer = policy::load_checkpoint_tokenizer(config.model.path);
  const auto policy = policy::Policy::load(config.model, policy::Purpose::inference, *team);
  const auto context = static_cast<int>(policy->model_config().max_position_embeddings);
  // All of them first: what cannot be read is said before anything is sampled.
  std::vector<std::pair<std::string, std::unique_ptr<rl::Evaluator>>> evaluators;
  for (const auto& [set, plan] : rl::eval_plans(config))
    evaluators.emplace_back(set, std::make_unique<rl::Evaluator>(plan, tokenizer, context));
  rollout::RolloutPool pool(*policy, *tokenizer.tokenizer, config.rollout, team->size());
  std::vector<std::pair<std::string, rl::EvalResult>> results;
  for (auto& [set, evaluator] : evaluators) {
    Progress progress(session);
    auto result =
        evaluator->evaluate(*policy, pool, team->size(), session.stop, std::ref(progress));
    if (!result) {
      session.err << "gradus: stopped; no figure is given for a part of the problems\n";
      session.exit_code = kInterrupted;
      return;
    }
    results.emplace_back(set, std::move(*result));
  }
  print(options, results, session);
}

void declare_eval(Command app, Session& session) {
  auto options = std::make_shared<EvalOptions>();
  add_model_options(app, options->model);
  app.add_option("--data", options->data, "JSONL file with question and answer; .gz too");
  app.add_option("--task", options->task,
                 "a generated task instead: see gradus data generate --list");
  app.add_option("--recipe", options->recipe,
                 "take data, prompt template, reward rules, model.* and rollout.* from a recipe");
  app.add_option("--set", options->settings,
                 "change a setting, e.g. eval.data.system=\"...\"; repeatable")
      .one_each();
  app.add_option("--template", options->prompt_template, "prompt with {question} in braces");
  app.add_option("--samples", options->samples, "completions per problem, for pass@k and maj@k");
  app.add_option("--limit", options->limit, "problems at most");
  app.add_option("--temperature", options->temperature,
                 "0: greedy; default 0, or 0.6 with more samples than one");
  app.add_option("--max-tokens", options->max_tokens, "longest completion");
  app.add_option("--seed", options->seed, "of the samples");
  app.add_option("--out", options->out,
                 "JSONL file to write: every problem with its completions and grades");
  app.add_flag("--json", options->as_json, "one JSON object");
  app.callback([options, &session] { evaluate(*options, session); });
}

}  // namespace

extern const CommandRecord kEvalCommand{
    "", "eval", "accuracy of a checkpoint on problems with known answers", declare_eval};

}  // namespace gradus::cli
