#include "rl/learn/optimizers/optimizer_config.h"

#include <fmt/format.h>

#include "base/error.h"
#include "rl/learn/optimizers/adamw_state.h"

namespace gradus::rl {

void describe(OptimizerConfig& c, SettingFields& field) {
  field("kind", c.kind, adamw_kinds().names_constraint(),
        adamw_kinds().described("how weights move"));
  field("lr", c.lr, at_least(0.0), "highest learning rate");
  field("beta1", c.beta1, between(0.0, 1.0), "AdamW: decay of the gradient's mean");
  field("beta2", c.beta2, between(0.0, 1.0), "AdamW: decay of the gradient's square");
  field("eps", c.eps, positive(), "AdamW: added to the denominator");
  field("weight_decay", c.weight_decay, at_least(0.0), "of matrices; norms and biases never decay");
  field("max_grad_norm", c.max_grad_norm, at_least(0.0),
        "the gradient is scaled down to this norm; 0: never");
  field("schedule", c.schedule,
        one_of<Schedule>({{"constant", Schedule::constant},
                          {"linear", Schedule::linear},
                          {"cosine", Schedule::cosine}}),
        "of the learning rate, after warm-up");
  field("warmup_steps", c.warmup_steps, at_least(0), "steps of linear warm-up");
  field("min_lr_ratio", c.min_lr_ratio, between(0.0, 1.0), "share of lr at the schedule's end");
  field("max_skipped_steps", c.max_skipped_steps, at_least(1).records_only(),
        "skipped steps in a row after which the run stops");
}

void check(const OptimizerConfig& config) {
  adamw_kinds().at(config.kind);
  for (const auto& [name, beta] : {std::pair{"beta1", config.beta1}, {"beta2", config.beta2}}) {
    if (beta >= 1.0) {
      throw ConfigError(fmt::format(
          "optim.{}: is {}, must be below 1. At 1 the gradient would never be seen.", name, beta));
    }
  }
}

}  // namespace gradus::rl
