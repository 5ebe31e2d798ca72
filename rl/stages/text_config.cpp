#include "rl/stages/text_config.h"

namespace gradus::rl {

void describe(TextConfig& c, SettingFields& field) {
  field("path", c.path, any(),
        "JSONL with `text`, or with `prompt` and `response`, .gz too (pretrain)");
  field("eval_path", c.eval_path, any(), "the same form, held out: the evaluation's loss");
  field("count", c.count, at_least(0),
        "rows of text.path to use (pretrain); 0: all of them, 2,000,000 at most");
  field("response", c.response, any(),
        "column of `data` to learn (sft); empty: response, completion or answer");
  field("sequence_length", c.sequence_length, at_least(2),
        "longer texts are cut into pieces of this length (pretrain)");
  field("batch_tokens", c.batch_tokens, at_least(2), "tokens of one step, about");
  field("microbatch_tokens", c.microbatch_tokens, at_least(1),
        "rows that go through the model together; changes memory and speed, not the result");
  field("mtp_weight", c.mtp_weight, at_least(0.0),
        "weight of the loss of multi-token prediction, where the model has modules and they are "
        "trained (no adapters); DeepSeek-V3: 0.3, later 0.1");
  field.section("moe", c.moe, "load of the experts of mixtures");
}

}  // namespace gradus::rl
