#include "rl/chain/chain_config.h"

#include "rl/chain/chain_kind.h"

namespace gradus::rl {

RecordSettings default_kind_settings() {
  return RecordSettings::defaults(chain_kinds());
}

void describe(StageGate& c, SettingFields& field) {
  field("metric", c.metric, any(),
        "of the evaluation after the stage: accuracy, pass@4, rewards/NAME, ...; empty: no gate");
  field("max_fall", c.max_fall, at_least(0.0), "by how much it may be below that of `than`");
  field("than", c.than, any(), "earlier stage to compare with; empty: the one in `from`");
  field("at_least", c.at_least, any(), "least value, whatever it was before");
  field("otherwise", c.otherwise,
        one_of<GateAction>({{"stop", GateAction::stop}, {"go_on", GateAction::go_on}}),
        "stop: the chain ends after the stage; go_on: with a warning");
}

void describe(StageEntry& c, SettingFields& field) {
  field.location(c.where);
  field("name", c.name, non_empty(), "of the stage: its run is DIR/stages/NAME");
  field("kind", c.kind, one_of(stage_kind_names()), stage_kinds_described());
  field("from", c.from, any(),
        "policy that it starts from (model.path): an earlier stage, STAGE:best, STAGE:step-000100, "
        "a checkpoint's path or its name on the hub");
  field("data", c.data, any(),
        "rows (data.path): an earlier stage that makes rows, STAGE:prompts (its prompts with their "
        "pass rates), STAGE:pairs (right and wrong answers), a file, or a list of those");
  field("reference", c.reference, any(), "what a KL term compares with: rl.reference, or a stage");
  field("teacher", c.teacher, any(), "policy that is distilled: an earlier stage or a checkpoint");
  field("recipe", c.recipe, any(),
        "recipe whose settings stand between the common ones and `settings`");
  field("settings", c.settings, any(),
        "settings of this stage over the common ones: [stages.settings.rl] and so on; a text "
        "\"stage:NAME\" is the policy of that stage, \"stage:NAME/FILE\" a file of its run");
  field.section("gate", c.gate, "what its policy must be able to do before the chain goes on");
  c.own.describe_sections(field);
}

void describe(ChainSettings& c, SettingFields& field) {
  field("evaluate", c.evaluate, any(),
        "evaluate every stage's policy with the common [eval], so that stages can be compared");
}

void describe(ChainFile& c, SettingFields& field) {
  describe(c.common, field);
  field.section("chain", c.chain, "what holds for a chain of stages");
  field.tables("stages", c.stages, "the stages, in order; `gradus run` runs them");
}

}  // namespace gradus::rl
