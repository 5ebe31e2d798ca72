#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/files/append_file.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "policy/kernels/product_count.h"
#include "rl/collect/collector.h"
#include "rl/collect/grade_record.h"
#include "rl/learn/work_model.h"
#include "rl/observe/group_metrics.h"
#include "rl/observe/samples.h"
#include "rl/run/file_sum.h"
#include "rl/selection/sampled_row.h"
#include "rl/selection/selection.h"
#include "rl/stages/sampled_evaluation.h"
#include "rl/stages/sampling_stage.h"
#include "rl/stages/stage.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

/// By what weights are recognised: the sums of the checkpoint's tensor files.
std::string weights_sum(const std::string& checkpoint) {
  if (fs::is_regular_file(checkpoint)) return sum_of_file(checkpoint).crc64;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(checkpoint))
    if (entry.path().extension() == ".safetensors") files.push_back(entry.path());
  std::ranges::sort(files);
  std::string sums;
  for (const fs::path& file : files) sums += (sums.empty() ? "" : "-") + sum_of_file(file).crc64;
  return sums;
}

/// What the sampler was: of every row the same.
nlohmann::json origin_of(const RunConfig& config) {
  nlohmann::json rules = nlohmann::json::object();
  for (const auto& rule : config.rewards)
    rules[rule.display_name()] = sha256(dump_json({rule.type, rule.options})).substr(0, 16);
  const auto& sampling = config.rollout.sampling;
  return {{"checkpoint", weights_sum(config.model.path)},
          {"seed", config.run.seed},
          {"sampler",
           {{"temperature", sampling.temperature},
            {"top_p", sampling.top_p},
            {"top_k", sampling.top_k},
            {"max_tokens", sampling.max_tokens}}},
          {"rules", std::move(rules)}};
}

std::string source_of_row(const rollout::Prompt& prompt, const rollout::DataConfig& data) {
  if (prompt.row.is_object() && prompt.row.contains("source") && prompt.row["source"].is_string())
    return prompt.row["source"].get<std::string>();
  return data.task.empty() ? fs::path(data.path).stem().string() : data.task;
}

/// The problems that no row may hold.
std::vector<std::string> evaluation_prompts(const RunConfig& config, const Learner& learner) {
  std::vector<std::string> texts;
  if (!config.eval.has_data()) return texts;
  rollout::DataConfig data = eval_plan(config).eval.data;
  data.shuffle = false;
  const auto prompts = rollout::make_prompt_source(data, learner.tokenizer(), learner.max_context(),
                                                   evaluation_seed(config.eval.seed));
  const int64_t count = prompts->size() > 0 ? prompts->size() : data.count;
  for (int64_t i = 0; i < count; ++i) texts.push_back(plain_text(prompts->at(i)));
  return texts;
}

/// Samples of a policy that are graded, and those of them that are good to learn from:
///
///   step     prompts_per_step prompts, `samples` completions each, all graded: samples.jsonl
///   end      select (rl/selection/selection.h): rows.jsonl, counts.json; the prompts with their
///            pass rates: prompts.jsonl; right against wrong answers: pairs.jsonl
///
/// Nothing is trained. A step is a function of (recipe, cursor) and the weights; a resumed run cuts
/// samples.jsonl to what its checkpoint knew.
class RejectionSampleStage : public Stage {
 public:
  RejectionSampleStage(const RunConfig& config, Run& run, Learner& learner)
      : config_(config),
        learner_(learner),
        collector_(collect_settings(config, config.sample.samples,
                                    static_cast<int>(config.sample.prompts_per_step)),
                   run, learner),
        samples_(run.directory().path() / "samples.jsonl"),
        origin_(origin_of(config)) {}

  std::optional<StepReport> step(const StepContext& context) override {
    const double begin = context.run.clock().now_s();
    if (context.run.is_first()) samples_.truncate_to(num_bytes_);
    const int64_t counted_begin = policy::kernels::counted_products();
    auto collection = collector_.collect(0, context.cursor);
    if (!collection) return std::nullopt;
    const double counted =
        2.0 * static_cast<double>(policy::kernels::counted_products() - counted_begin);
    if (context.run.is_first()) keep(collection->used, context.cursor);
    return report(context, *collection, context.run.clock().now_s() - begin, counted);
  }

  RunLength length_of(double epochs) const override {
    const int64_t end = end_of_epochs(epochs, collector_.prompts().size());
    const int64_t prompts = config_.sample.prompts_per_step;
    return {(end + prompts - 1) / prompts, end};
  }

  void finish(Run& run) override {
    if (!run.is_first()) return;
    const fs::path folder = run.directory().path();
    auto samples = read_sampled_rows(samples_.path().string());
    const auto prompts = prompt_rows(samples, config_.sample.select);
    const auto pairs = pair_rows(samples, config_.sample.pairs, config_.sample.select);
    const auto selection = select_rows(std::move(samples), config_.sample.select,
                                       evaluation_prompts(config_, learner_));
    nlohmann::json dropped = nlohmann::json::object();
    for (const auto& [reason, count] : selection.counts.dropped) dropped[reason] = count;
    run.write_when_possible([&] {
      write_sampled_rows((folder / "rows.jsonl").string(), selection.rows);
      write_file_atomically(folder / "prompts.jsonl", prompts);
      write_file_atomically(folder / "pairs.jsonl", pairs);
      write_file_atomically(folder / "counts.json", dump_json({{"input", selection.counts.input},
                                                               {"kept", selection.counts.kept},
                                                               {"dropped", dropped}}) +
                                                        "\n");
    });
    if (selection.rows.empty())
      run.observer().on_warning(
          fmt::format("none of {} samples was kept; counts.json says why", selection.counts.input));
  }

  std::string memory() const override { return dump_json({{"samples_bytes", num_bytes_}}); }
  void recall(const std::string& memory) override {
    if (memory.empty()) return;
    const auto json = parse_json(memory, "state.json: memory");
    if (!json.contains("samples_bytes") || !json["samples_bytes"].is_number_integer())
      throw FileError("state.json", "bad_memory", "has no samples_bytes: it is another stage's");
    num_bytes_ = json["samples_bytes"].get<int64_t>();
  }

 private:
  void keep(const std::vector<Group>& groups, int64_t cursor) {
    for (size_t i = 0; i < groups.size(); ++i) append(groups[i], cursor + static_cast<int64_t>(i));
    samples_.sync();
    num_bytes_ = samples_.num_bytes();
  }

  void append(const Group& group, int64_t cursor) {
    SampledRow row;
    row.messages = group.prompt.messages;
    row.prompt = plain_text(group.prompt);
    row.source = source_of_row(group.prompt, config_.data);
    row.columns = group.prompt.row.is_object() ? group.prompt.row : nlohmann::json::object();
    row.prompt_id = group.prompt.id;
    row.origin = origin_;
    const auto names = collector_.rule_names();
    // A prompt that comes again, in another epoch, has further samples.
    for (size_t i = 0; i < group.completions.size(); ++i) {
      const auto& completion = group.completions[i];
      if (!is_trainable(completion)) continue;
      row.index = epoch_of(cursor) * config_.sample.samples + static_cast<int64_t>(i);
      row.response = completion.text;
      row.finish = finish_name(completion.finish);
      row.num_tokens = static_cast<int64_t>(completion.tokens.size());
      row.reward.reset();
      if (std::isfinite(group.rewards[i])) row.reward = group.rewards[i];
      row.scores.clear();
      for (size_t rule = 0; rule < names.size(); ++rule)
        if (group.grades[rule][i].outcome == rewards::GradeOutcome::scored)
          row.scores[names[rule]] = group.grades[rule][i].value;
      samples_.append_line(dump_json(to_row(row)));
    }
  }

  int64_t epoch_of(int64_t cursor) const {
    const int64_t rows = collector_.prompts().size();
    return rows > 0 ? cursor / rows : 0;
  }

  StepReport report(const StepContext& context, Collection& collection, double seconds,
                    double counted) {
    const auto names = collector_.rule_names();
    const auto& groups = collection.used;
    const WorkModel work(learner_.policy().model_config(), learner_.policy().policy_config());
    const double flops = rollout_flops(work, groups);
    StepReport report;
    report.metrics = group_metrics(groups, names);
    report.metrics["time/step"] = seconds;
    report.metrics["time/rewards"] = collection.grade_s;
    add_rollout_metrics(collection.stats, collection.sample_s, flops, report.metrics);
    report.cursor = collection.cursor;
    report.num_tokens = num_tokens(groups);
    const int64_t step = context.step;
    LedgerEntry rollout{"rollout",
                        step,
                        collection.sample_s,
                        collection.sample_s,
                        collection.stats.prompt_tokens + collection.stats.completion_tokens,
                        flops};
    rollout.sampled = collection.stats.completion_tokens;
    rollout.counted_flops = counted;
    LedgerEntry rewards{"rewards", step, collection.grade_s, collection.grade_s, 0, 0.0};
    rewards.graded = num_completion_tokens(groups);
    report.ledger = {rollout, rewards};
    report.samples =
        sample_lines(step, groups, groups.size(), names,
                     sampled_tokens(config_.run, step, *learner_.tokenizer().tokenizer));
    return report;
  }

  const RunConfig& config_;
  Learner& learner_;
  Collector collector_;
  AppendFile samples_;
  int64_t num_bytes_ = 0;  ///< of whole steps
  nlohmann::json origin_;
};

void check_rejection_sample(const RunConfig& c, const std::string& source) {
  if (c.data.path.empty() && c.data.task.empty())
    throw ConfigError(source +
                      ": data.path: is empty, and so is data.task. Name a JSONL file of "
                      "questions, or a generated task");
  if (c.rewards.empty())
    throw ConfigError(source + ": rewards: there is no rule. Add at least one [[rewards]] table");
  if (c.model.is_fresh())
    throw ConfigError(source + ": model.path: is empty. Name the checkpoint that is sampled");
  check(c.sample.select, source + ": sample.select");
}

StepCost estimate_rejection_sample(const RunConfig& recipe, const policy::ModelConfig& model,
                                   int64_t prompt_tokens) {
  const int64_t completion = recipe.rollout.sampling.max_tokens;
  const int64_t prompts = recipe.sample.prompts_per_step;
  const int64_t completions = prompts * recipe.sample.samples;
  StepCost cost;
  cost.rollout_tokens = prompts * prompt_tokens + completions * completion;
  const WorkModel work(model, recipe.model);
  cost.rollout_flops =
      static_cast<double>(prompts) * work.decode(0, prompt_tokens, 1) +
      static_cast<double>(completions) * work.decode(prompt_tokens, completion - 1, completion - 1);
  return cost;
}

}  // namespace

extern const StageKind kRejectionSampleStage;
const StageKind kRejectionSampleStage{
    .name = "rejection_sample",
    .text = "samples of `data`, graded with `rewards`; the good ones become rows.jsonl",
    .samples = true,
    .learns = false,
    .check = check_rejection_sample,
    .make = [](const RunConfig& config, Run& run, Learner& learner) -> std::unique_ptr<Stage> {
      return std::make_unique<RejectionSampleStage>(config, run, learner);
    },
    .estimate = estimate_rejection_sample,
    .microbatch_rows = [](const RunConfig&) { return int64_t{1}; }};

}  // namespace gradus::rl
