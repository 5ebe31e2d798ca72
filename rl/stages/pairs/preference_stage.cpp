#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mean.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "rl/algorithms/reference_spec.h"
#include "rl/parallel/share_folder.h"
#include "rl/stages/pairs/pair_stage.h"
#include "rl/update/completion_scores.h"
#include "rl/update/reference_policy.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostReferenceBytes = int64_t{4} << 30;

at::Tensor vector_of(const std::vector<double>& values) {
  const auto tensor = at::empty({static_cast<int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return tensor;
}

double mean_value(const at::Tensor& values) {
  return values.to(at::kDouble).mean().item<double>();
}

/// Logprobs of all rows' answers by the policy that training started from, each a sum over tokens.
struct ReferenceSums {
  std::vector<double> chosen;    ///< [rows of the source]
  std::vector<double> rejected;  ///< the same

  at::Tensor of(const std::vector<double>& all, const std::vector<int64_t>& rows) const {
    std::vector<double> some;
    for (const int64_t row : rows) some.push_back(all[static_cast<size_t>(row)]);
    return vector_of(some);
  }
};

/// The DPO family. The reference's logprobs are computed once, before the first step, and kept in
/// RUN/reference_logprobs.json: a resumed run compares with the same bits, and no second model is
/// in memory while training goes on.
class PreferenceTask final : public PairTask {
 public:
  PreferenceTask(const RunConfig& config, const Run& run, Learner& learner)
      : config_(config), run_(run), learner_(learner) {}

  PairBatch::Read read() const override { return PairBatch::Read::logprobs; }

  at::Tensor values(const PairBatch& batch, const Microbatch& microbatch,
                    const policy::Scores& scores, const at::Tensor&) const override {
    return batch.sums_by_answer(microbatch, scores.logprobs);
  }

  void prepare(const PairSource& source, bool is_held_out, const TrainingStep& step) override {
    std::optional<ReferenceSums>& sums = is_held_out ? held_out_ : training_;
    if (sums) return;
    const fs::path file = run_.directory().path() / (is_held_out ? "reference_logprobs.eval.json"
                                                                 : "reference_logprobs.json");
    share_file(run_.ranks(), file);
    if (fs::exists(file)) sums = read_sums(file, source);
    if (sums) return;
    const double begin = run_.clock().now_s();
    UpdateCost cost;
    sums = compute(source, step, cost);
    const nlohmann::json kept{
        {"pairs", source.digest()}, {"chosen", sums->chosen}, {"rejected", sums->rejected}};
    write_file_atomically(file, kept.dump());
    const double seconds = run_.clock().now_s() - begin;
    cost_ = LedgerEntry{"reference", 0, seconds, seconds, cost.scored_tokens, cost.scored_flops};
  }

  at::Tensor loss(const PairSource&, bool is_held_out, const std::vector<int64_t>& rows,
                  const PairBatch& batch, const PairValues& values) const override {
    return preference_loss(inputs(is_held_out, rows, batch, values), config_.preference);
  }

  void report(const PairSource&, bool is_held_out, const std::vector<int64_t>& rows,
              const PairBatch& batch, const PairValues& values, Metrics& metrics) const override {
    const PairInputs pairs = inputs(is_held_out, rows, batch, values);
    const double beta = config_.preference.beta;
    metrics["rewards/chosen"] = beta * mean_value(pairs.chosen_ratio());
    metrics["rewards/rejected"] = beta * mean_value(pairs.rejected_ratio());
    metrics["rewards/margins"] = beta * mean_value(pairs.difference());
    metrics["rewards/accuracies"] = mean_value(pairs.difference() > 0.0);
    metrics["logps/chosen"] = mean_value(values.chosen);
    metrics["logps/rejected"] = mean_value(values.rejected);
  }

  std::optional<LedgerEntry> take_cost(int64_t step) override {
    auto cost = std::exchange(cost_, std::nullopt);
    if (cost) cost->step = step;
    return cost;
  }

 private:
  PairInputs inputs(bool is_held_out, const std::vector<int64_t>& rows, const PairBatch& batch,
                    const PairValues& values) const {
    const ReferenceSums& sums = is_held_out ? *held_out_ : *training_;
    const PairValues lengths = batch.lengths();
    return {
        values.chosen,  values.rejected, sums.of(sums.chosen, rows), sums.of(sums.rejected, rows),
        lengths.chosen, lengths.rejected};
  }

  /// Nothing: they are of other pairs (data that changed, and was allowed to).
  static std::optional<ReferenceSums> read_sums(const fs::path& file, const PairSource& source) {
    const auto kept = read_json(file, kMostReferenceBytes);
    try {
      if (kept.at("pairs").get<uint64_t>() != source.digest()) return std::nullopt;
      ReferenceSums sums{kept.at("chosen").get<std::vector<double>>(),
                         kept.at("rejected").get<std::vector<double>>()};
      const auto size = static_cast<size_t>(source.size());
      if (sums.chosen.size() == size && sums.rejected.size() == size) return sums;
    } catch (const nlohmann::json::exception&) {  // said below
    }
    throw FileError(file.string(), "bad_reference", "is damaged; remove it, and it is made again");
  }

  ReferenceSums compute(const PairSource& source, const TrainingStep& step, UpdateCost& cost) {
    AlgorithmConfig compared;
    compared.kl_coef = 1.0;
    compared.reference = config_.rl.reference;
    ReferencePolicy reference(run_.directory().path() / "reference", config_.model, compared,
                              learner_.starting_adapters(), learner_.communicator());
    const Reference start = reference.at(1, learner_.policy(), 0, learner_.team());
    const ScoringPass pass{learner_.policy(), 1.0, true, false, step.environment};
    ReferenceSums sums;
    constexpr int64_t kRowsAtOnce = 256;
    for (int64_t begin = 0; begin < source.size(); begin += kRowsAtOnce) {
      std::vector<const AnswerPair*> pairs;
      for (int64_t row = begin; row < std::min(source.size(), begin + kRowsAtOnce); ++row)
        pairs.push_back(&source.row(row));
      const PairBatch batch(pairs, read(), config_.preference.microbatch_tokens);
      add_sums(batch, start, pass, sums, cost);
    }
    return sums;
  }

  void add_sums(const PairBatch& batch, const Reference& start, const ScoringPass& pass,
                ReferenceSums& sums, UpdateCost& cost) {
    const PairValues values = as_pairs(batch.scored([&](const auto& microbatches, int64_t tokens) {
      return score_reference(learner_.policy(), start, pass, microbatches, tokens, cost,
                             learner_.team());
    }));
    const auto add = [](const at::Tensor& from, std::vector<double>& to) {
      const auto doubles = from.contiguous();
      to.insert(to.end(), doubles.const_data_ptr<double>(),
                doubles.const_data_ptr<double>() + doubles.numel());
    };
    add(values.chosen, sums.chosen);
    add(values.rejected, sums.rejected);
  }

  const RunConfig& config_;
  const Run& run_;
  Learner& learner_;
  std::optional<ReferenceSums> training_;
  std::optional<ReferenceSums> held_out_;
  std::optional<LedgerEntry> cost_;
};

std::unique_ptr<Stage> make_preference_stage(const RunConfig& config, Run& run, Learner& learner) {
  return std::make_unique<PairStage>(config, config.preference, run, learner,
                                     std::make_unique<PreferenceTask>(config, run, learner), true);
}

void check_preference(const RunConfig& config, const std::string& source) {
  check_pairs(config, "preference", source);
  check(static_cast<const PreferenceLossConfig&>(config.preference));
  using Kind = ReferenceSpec::Kind;
  const Kind kind = parse_reference(config.rl.reference).kind;
  if (kind != Kind::start && kind != Kind::base && kind != Kind::checkpoint)
    throw ConfigError(source +
                      ": rl.reference: must be start, base or a checkpoint with run.task = "
                      "\"preference\", whose reference never changes");
}

}  // namespace

extern const StageKind kPreferenceStage;
const StageKind kPreferenceStage{
    .name = "preference",
    .text = "training on pairs of answers in `data`, a chosen and a rejected one (DPO and others)",
    .samples = false,
    .check = check_preference,
    .make = make_preference_stage,
    .estimate =
        [](const RunConfig& config, const policy::ModelConfig& model, int64_t prompt_tokens) {
          return estimate_pairs(config, config.preference, model, prompt_tokens);
        },
    .microbatch_rows = [](const RunConfig& config) { return config.preference.microbatch_tokens; },
    .eval_path = [](const RunConfig& config) { return config.preference.eval_path; }};

}  // namespace gradus::rl
