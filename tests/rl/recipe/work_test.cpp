// FLOPs by formula against the products that the kernels counted.

#include "base/clock.h"
#include "rl/recipe/load.h"
#include "rl/recipe/train.h"
#include "rl/run/ledger.h"
#include "tests/catch.h"
#include "tests/rl/tiny_run.h"
#include "tests/support/temporary_folder.h"

namespace gradus::rl {
namespace {

using tests::TemporaryFolder;

class SilentObserver final : public RunObserver {};

/// The policy of a short run, to which adapters may be added.
std::vector<std::string> base_in(const TemporaryFolder& folder, TinyModel model) {
  const TinyRun tiny{folder.path(), TinyTask::pretrain, model};
  tiny.write();
  SilentObserver observer;
  const SteadyClock clock;
  train(load_run_config(tiny.recipe(), std::vector<std::string>{"run.steps=1"}),
        {observer, {}, clock});
  return {"model.config=", "model.tokenizer=", "model.path=" + (tiny.run() / "final").string(),
          "model.lora.rank=4"};
}

/// Totals by stage of two steps with an evaluation.
std::map<std::string, LedgerTotal> ledger_of(TinyTask task, TinyModel model,
                                             std::vector<std::string> assignments) {
  const TemporaryFolder folder;
  const TinyRun tiny{folder.path(), task, model};
  tiny.write();
  assignments.insert(assignments.end(), {"run.steps=2", "run.eval_every=2"});
  SilentObserver observer;
  const SteadyClock clock;
  train(load_run_config(tiny.recipe(), assignments), {observer, {}, clock});
  return read_ledger(tiny.run() / "ledger.jsonl");
}

void check_counted(const std::map<std::string, LedgerTotal>& ledger) {
  for (const auto& [stage, total] : ledger) {
    INFO(stage << ": " << total.flops << " by formula, " << total.counted_flops << " counted");
    CHECK(total.flops == Approx(total.counted_flops).epsilon(0.01));
  }
  CHECK(ledger.at("update").counted_flops > 0.0);
  CHECK(ledger.at("evaluate").counted_flops > 0.0);
}

}  // namespace

TEST_CASE("FLOPs by formula are the products that the kernels did", "[rl][work]") {
  SECTION("a dense policy") {
    check_counted(ledger_of(TinyTask::grpo, TinyModel::dense, {}));
  }
  SECTION("latent attention, experts and prediction modules") {
    check_counted(ledger_of(TinyTask::grpo, TinyModel::latent, {"rollout.speculative=false"}));
  }
  SECTION("several epochs, old logprobs and a reference") {
    check_counted(ledger_of(TinyTask::grpo, TinyModel::dense,
                            {"rl.epochs=3", "rl.minibatches=2", "rl.kl_coef=0.1"}));
  }
  SECTION("adapters") {
    const TemporaryFolder folder;
    auto settings = base_in(folder, TinyModel::dense);
    settings.insert(settings.end(), {"rl.kl_coef=0.1", "rl.epochs=2"});
    check_counted(ledger_of(TinyTask::grpo, TinyModel::dense, settings));
  }
  SECTION("adapters beside experts and latents") {
    const TemporaryFolder folder;
    auto settings = base_in(folder, TinyModel::latent);
    settings.insert(settings.end(), {"rollout.speculative=false", "rl.moe.bias_rate=0",
                                     "rl.moe.balance_loss=0", "rl.mtp_weight=0"});
    check_counted(ledger_of(TinyTask::grpo, TinyModel::latent, settings));
  }
  SECTION("layers computed again in the backward pass") {
    check_counted(
        ledger_of(TinyTask::grpo, TinyModel::dense, {"model.activation_checkpointing=true"}));
  }
  SECTION("keys and values of every head in the cache") {
    check_counted(ledger_of(TinyTask::grpo, TinyModel::latent,
                            {"rollout.speculative=false", "model.latent_cache=expanded"}));
  }
  SECTION("text") {
    check_counted(ledger_of(TinyTask::sft, TinyModel::dense, {}));
    check_counted(ledger_of(TinyTask::pretrain, TinyModel::latent, {"text.mtp_weight=0.3"}));
  }
}

}  // namespace gradus::rl
