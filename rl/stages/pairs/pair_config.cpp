#include "rl/stages/pairs/pair_config.h"

namespace gradus::rl {

void describe(PairBatchConfig& c, SettingFields& field) {
  field("eval_path", c.eval_path, any(), "JSONL of held-out pairs, in the form of data.path");
  field("batch_pairs", c.batch_pairs, at_least(1), "pairs of one step");
  field("microbatch_tokens", c.microbatch_tokens, at_least(1),
        "rows that go through the model together; changes memory and speed, and the result by "
        "rounding alone. Pairs of more are scored once more, before the pass that trains");
  field.section("moe", c.moe, "load of the experts of mixtures");
}

void describe(PreferenceConfig& c, SettingFields& field) {
  describe(static_cast<PairBatchConfig&>(c), field);
  describe(static_cast<PreferenceLossConfig&>(c), field);
}

void describe(RewardModelConfig& c, SettingFields& field) {
  describe(static_cast<PairBatchConfig&>(c), field);
  field("center_coef", c.center_coef, at_least(0.0),
        "weight of the squared sum of a pair's rewards, which keeps them around 0 (0.01)");
}

}  // namespace gradus::rl
