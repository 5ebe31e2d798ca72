#include "rl/selection/sample_config.h"

namespace gradus::rl {

void describe(SampleConfig& c, SettingFields& field) {
  field("samples", c.samples, at_least(1), "completions of a prompt");
  field("prompts_per_step", c.prompts_per_step, at_least(1),
        "prompts of a step; run.steps times as many are sampled in all");
  field.section("select", c.select, "which samples become rows");
  field.section("pairs", c.pairs, "which samples become pairs, for preferences and reward models");
}

}  // namespace gradus::rl
