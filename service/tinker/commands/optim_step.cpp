// One step of AdamW with the gradient that was added up.
#include <algorithm>

#include "base/json.h"
#include "service/http/fields.h"
#include "service/tinker/commands/training_command.h"

namespace gradus::service {
namespace {

constexpr double kMost = 1e30;

AdamSettings read_adam(std::string_view body) {
  const auto json = parse_json(body, "body");
  Fields fields(json, "");
  fields.pass_over({"model_id", "seq_id", "type"});
  if (const auto* other = fields.find("optimizer_params")) {
    Fields inner(*other, "optimizer_params");
    throw HttpError(422,
                    "optimizer_params.type: is " + inner.text("type", 64) +
                        "; this server has AdamW alone: send adam_params",
                    "unsupported_value", "optimizer_params");
  }
  Fields inner(fields.need("adam_params"), "adam_params");
  fields.finish();
  AdamSettings adam;
  adam.learning_rate = inner.number("learning_rate", 0.0, kMost).value_or(adam.learning_rate);
  adam.beta1 = inner.number("beta1", 0.0, 1.0).value_or(adam.beta1);
  adam.beta2 = inner.number("beta2", 0.0, 1.0).value_or(adam.beta2);
  adam.eps = inner.number("eps", 0.0, kMost).value_or(adam.eps);
  adam.weight_decay = inner.number("weight_decay", 0.0, kMost).value_or(adam.weight_decay);
  adam.grad_clip_norm = std::max(0.0, inner.number("grad_clip_norm", -kMost, kMost).value_or(0.0));
  inner.finish();
  if (adam.beta1 >= 1.0) refuse_field("adam_params.beta1", "must be below 1");
  if (adam.beta2 >= 1.0) refuse_field("adam_params.beta2", "must be below 1");
  return adam;
}

void check_optim_step(std::string_view body, const ModelFacts& /*facts*/) {
  read_adam(body);
}

CommandResult run_optim_step(CommandContext& context) {
  const AdamSettings adam = read_adam(context.promise.body);
  const SharedPolicy::Turn turn(context.shared);
  const double norm = take_step(turn, context.state, adam);
  CommandResult result;
  result.result = dump_json(
      {{"metrics", {{"grad_norm:mean", norm}, {"learning_rate:mean", adam.learning_rate}}},
       {"type", "optim_step"}});
  return result;
}

}  // namespace

extern const TrainingCommand kOptimStepCommand{"optim_step",     false,      true,
                                               check_optim_step, plain_json, run_optim_step};

}  // namespace gradus::service
