#include "service/jobs/job_recipe.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/settings/setting.h"
#include "rl/algorithms/reference_spec.h"
#include "rl/stages/run_config.h"
#include "service/http/message.h"

namespace gradus::service {
namespace {

constexpr int kGroupSize = 8;

/// Settings that a client may set, by their beginnings: none names a file, a program or a server.
constexpr const char* kOpenSettings[] = {"rl.",
                                         "optim.",
                                         "rollout.",
                                         "rewards_limits.",
                                         "eval.samples",
                                         "eval.temperature",
                                         "eval.max_tokens",
                                         "eval.seed",
                                         "eval.right_from",
                                         "run.eval_every",
                                         "run.eval_at_start",
                                         "run.checkpoint_every",
                                         "run.samples_every",
                                         "run.sample_tokens",
                                         "run.log_every",
                                         "run.steps",
                                         "run.threads",
                                         "model.precision",
                                         "model.lora.rank",
                                         "model.lora.alpha",
                                         "model.lora.seed",
                                         "model.lora.targets",
                                         "model.activation_checkpointing",
                                         "model.fp8",
                                         "model.rollout_weights",
                                         "text.sequence_length",
                                         "text.batch_tokens",
                                         "text.microbatch_tokens",
                                         "text.mtp_weight",
                                         "text.moe.",
                                         "preference.losses",
                                         "preference.weights",
                                         "preference.beta",
                                         "preference.label_smoothing",
                                         "preference.discopop.",
                                         "preference.ipo.",
                                         "preference.batch_pairs",
                                         "preference.microbatch_tokens",
                                         "preference.moe.",
                                         "data.template",
                                         "data.system",
                                         "data.chat",
                                         "data.shuffle",
                                         "data.max_prompt_tokens",
                                         "data.offset",
                                         "data.count"};

[[noreturn]] void refuse_gradus(const std::string& why) {
  throw HttpError(400, "Invalid 'gradus': " + why, "invalid_value", "gradus");
}

bool is_open_setting(const std::string& key) {
  return std::ranges::any_of(kOpenSettings, [&](const std::string& known) {
    return known.back() == '.' ? key.starts_with(known) : key == known;
  });
}

/// {"rl": {"kl_coef": 0.01}, "optim.lr": 1e-4} as pairs of key and value.
void flatten(const nlohmann::json& value, const std::string& key,
             std::vector<std::pair<std::string, nlohmann::json>>& pairs) {
  if (!value.is_object()) {
    pairs.emplace_back(key, value);
    return;
  }
  for (const auto& [name, inner] : value.items())
    flatten(inner, key.empty() ? name : key + "." + name, pairs);
}

void apply_gradus(const nlohmann::json& settings, rl::RunConfig& config) {
  if (settings.is_null()) return;
  if (!settings.is_object()) refuse_gradus("must be an object of settings");
  std::vector<std::pair<std::string, nlohmann::json>> pairs;
  flatten(settings, "", pairs);
  for (const auto& [key, value] : pairs) {
    if (!is_open_setting(key))
      refuse_gradus(key + " is not a setting that a job may change; see docs/service.md");
    try {
      apply_set(config,
                key + "=" + (value.is_string() ? value.get<std::string>() : dump_json(value)));
    } catch (const Error& error) {
      refuse_gradus(error.what());
    }
  }
  if (rl::parse_reference(config.rl.reference).kind == rl::ReferenceSpec::Kind::checkpoint)
    refuse_gradus("rl.reference: must not name a checkpoint, which is a file of the server");
}

/// A number of the method's hyperparameters, or what "auto" means here; the number takes its place.
class Knobs {
 public:
  explicit Knobs(nlohmann::json& json) : json_(json) {
    if (!json_.is_object()) json_ = nlohmann::json::object();
  }
  int64_t integer(const char* key, int64_t if_auto) {
    if (is_auto(key)) json_[key] = if_auto;
    return json_[key].get<int64_t>();
  }
  double number(const char* key, double if_auto) {
    if (is_auto(key)) json_[key] = if_auto;
    return json_[key].get<double>();
  }
  std::string text(const char* key, const char* if_auto) {
    if (is_auto(key)) json_[key] = if_auto;
    return json_[key].get<std::string>();
  }

 private:
  bool is_auto(const char* key) const {
    return !json_.contains(key) || json_[key].is_null() || json_[key] == "auto";
  }
  nlohmann::json& json_;
};

/// Small models want large steps: by the number of weights.
double automatic_rate(int64_t model_bytes) {
  const double weights = static_cast<double>(model_bytes) / 4.0;
  if (weights < 1e7) return 5e-4;
  if (weights < 1e8) return 1e-4;
  if (weights < 1e9) return 1e-5;
  return 1e-6;
}

int64_t ceil_ratio(double above, double below) {
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(above / below)));
}

void set_run(const Job& job, const RecipeInputs& inputs, const JobsConfig& config, int64_t steps,
             rl::RunConfig& run) {
  run.run.name = job.id;
  run.run.seed = static_cast<uint64_t>(job.seed);
  run.run.steps = steps;
  run.run.threads = config.threads;
  run.run.checkpoint_every = std::clamp<int64_t>(ceil_ratio(steps, config.checkpoints), 1, 50);
  run.run.keep = 2;
  run.run.keep_best = false;
  run.run.export_checkpoints = true;
  run.run.samples_every = std::max<int64_t>(1, steps / 20);
  run.run.sample_tokens = 8;  // the page shows them
  run.model.path = inputs.model_path;
  run.data.path = inputs.training_path;
}

rewards::RewardConfig grader_rule(const nlohmann::json& grader, const RecipeInputs& inputs,
                                  const JobsConfig& config) {
  rewards::RewardConfig rule;
  rule.type = "grader";
  rule.options["grader"] = grader;
  if (config.python_may_be_weak) rule.options["python"] = {{"isolation", "weak"}};
  if (inputs.judge_url.empty()) return rule;
  // A model that answers with no number gives 0, as with OpenAI.
  rule.options["on_error"] = "zero";
  rule.options["models"] = {{"url", inputs.judge_url},
                            {"api_key_file", inputs.judge_key_file},
                            {"structured_outputs", false}};
  rule.options["outbound"] = {{"allow", {inputs.judge_server}}, {"timeout_s", 120.0}};
  return rule;
}

int max_tokens_of(const std::string& effort, int64_t context) {
  const int64_t share = effort == "low" ? 4 : 2;
  const int64_t most = effort == "low" ? 1024 : (effort == "high" ? 16384 : 4096);
  const int64_t room = effort == "high" ? context * 3 / 4 : context / share;
  return static_cast<int>(std::clamp<int64_t>(room, 1, most));
}

void set_reinforcement(const Job& job, const RecipeInputs& inputs, const JobsConfig& config,
                       nlohmann::json& method, rl::RunConfig& run) {
  Knobs knobs(method["hyperparameters"]);
  const int64_t batch = knobs.integer("batch_size", std::min<int64_t>(32, inputs.num_rows));
  const int64_t epochs = knobs.integer(
      "n_epochs",
      std::clamp<int64_t>(ceil_ratio(40.0 * double(batch), double(inputs.num_rows)), 1, 10));
  const double compute = knobs.number("compute_multiplier", 1.0);
  const double rate = knobs.number("learning_rate_multiplier", 1.0);
  const int64_t steps = ceil_ratio(double(inputs.num_rows) * double(epochs), double(batch));
  set_run(job, inputs, config, steps, run);
  run.run.task = "grpo";
  run.rl.prompts_per_step = static_cast<int>(batch);
  run.rl.group_size = std::max(2, static_cast<int>(std::lround(kGroupSize * compute)));
  run.rl.clip_ratio_high = 0.28;
  run.optim.lr = automatic_rate(inputs.model_bytes) * rate;
  run.optim.warmup_steps = std::min<int64_t>(2, steps / 10);
  run.rollout.sampling.max_tokens =
      max_tokens_of(knobs.text("reasoning_effort", "medium"), inputs.context);
  run.rewards = {grader_rule(method.at("grader"), inputs, config)};
  const int64_t every = knobs.integer("eval_interval", std::max<int64_t>(1, steps / 10));
  const int64_t samples = knobs.integer("eval_samples", 1);
  if (inputs.validation_path.empty()) return;
  run.run.eval_every = every;
  run.eval.data.path = inputs.validation_path;
  run.eval.data.shuffle = false;
  run.eval.samples = static_cast<int>(samples);
  run.eval.temperature = samples > 1 ? 1.0 : 0.0;
}

void set_supervised(const Job& job, const RecipeInputs& inputs, const JobsConfig& config,
                    nlohmann::json& hyperparameters, rl::RunConfig& run) {
  Knobs knobs(hyperparameters);
  const int64_t batch = knobs.integer("batch_size", std::min<int64_t>(8, inputs.num_rows));
  const int64_t epochs = knobs.integer("n_epochs", 3);
  const double rate = knobs.number("learning_rate_multiplier", 1.0);
  const int64_t steps = ceil_ratio(double(inputs.num_rows) * double(epochs), double(batch));
  set_run(job, inputs, config, steps, run);
  run.run.task = "sft";
  run.optim.lr = automatic_rate(inputs.model_bytes) * rate;
  run.text.sequence_length = inputs.context;
  // A row of tokens for each row of the file, at the files' mean length: about four bytes a token.
  const int64_t mean = std::clamp<int64_t>(
      inputs.training_bytes / std::max<int64_t>(1, inputs.num_rows) / 4, 16, inputs.context);
  run.text.batch_tokens = std::max(run.text.sequence_length, batch * mean);
  run.text.microbatch_tokens = std::max(run.text.microbatch_tokens, run.text.sequence_length);
  if (inputs.validation_path.empty()) return;
  run.text.eval_path = inputs.validation_path;
  run.run.eval_every = std::max<int64_t>(1, steps / 10);
}

void set_preference(const Job& job, const RecipeInputs& inputs, const JobsConfig& config,
                    nlohmann::json& hyperparameters, rl::RunConfig& run) {
  Knobs knobs(hyperparameters);
  const int64_t batch = knobs.integer("batch_size", std::min<int64_t>(8, inputs.num_rows));
  const int64_t epochs = knobs.integer(
      "n_epochs",
      std::clamp<int64_t>(ceil_ratio(40.0 * double(batch), double(inputs.num_rows)), 1, 3));
  const double rate = knobs.number("learning_rate_multiplier", 1.0);
  const int64_t steps = ceil_ratio(double(inputs.num_rows) * double(epochs), double(batch));
  set_run(job, inputs, config, steps, run);
  run.run.task = "preference";
  run.preference.batch_pairs = static_cast<int>(batch);
  run.preference.beta = knobs.number("beta", 0.1);
  // Pairs pull much harder than responses: DPO's authors took 5e-7 where 1e-5 fine-tunes.
  run.optim.lr = automatic_rate(inputs.model_bytes) * 0.05 * rate;
  run.optim.warmup_steps = std::min<int64_t>(2, steps / 10);
  if (inputs.validation_path.empty()) return;
  run.preference.eval_path = inputs.validation_path;
  run.run.eval_every = std::max<int64_t>(1, steps / 10);
}

}  // namespace

JobRecipe make_job_recipe(const Job& job, const RecipeInputs& inputs, const JobsConfig& config) {
  JobRecipe recipe{"", 0, job.method, job.hyperparameters};
  const std::string type = job.method.at("type");
  rl::RunConfig run;
  if (type == "reinforcement") {
    set_reinforcement(job, inputs, config, recipe.method["reinforcement"], run);
  } else {
    nlohmann::json& inner = recipe.method[type];
    if (!inner.is_object()) inner = nlohmann::json::object();
    const auto set = type == "dpo" ? set_preference : set_supervised;
    set(job, inputs, config, inner["hyperparameters"], run);
    recipe.hyperparameters = inner["hyperparameters"];
  }
  apply_gradus(job.gradus, run);
  try {
    check_settings(run, "recipe");
    rl::check(run, "recipe");
  } catch (const ConfigError& error) {
    refuse_gradus(error.what());
  }
  recipe.steps = run.run.steps;
  recipe.toml = to_toml(run);
  return recipe;
}

}  // namespace gradus::service
