#include "cli/registry.h"

#include "cli/commands/commands.h"

namespace gradus::cli {

void add_commands(Command root, Session& session) {
  add_train(root, session);
  add_eval(root, session);
  add_sample(root, session);
  add_chat(root, session);
  add_tokenize(root, session);

  Command model = root.add_subcommand("model", "look into, convert and join checkpoints");
  model.require_subcommand();
  add_model_info(model, session);
  add_model_convert(model, session);
  add_model_export(model, session);
  add_model_merge(model, session);
  add_model_logits(model, session);

  Command runs = root.add_subcommand("runs", "look at what training left behind");
  runs.require_subcommand();
  add_runs_list(runs, session);
  add_runs_show(runs, session);
  add_runs_compare(runs, session);
  add_runs_report(runs, session);

  Command data = root.add_subcommand("data", "prompts");
  data.require_subcommand();
  add_data_generate(data, session);
  add_data_tokenizer(data, session);

  Command rewards = root.add_subcommand("rewards", "reward rules");
  rewards.require_subcommand();
  add_rewards_check(rewards, session);
  add_rewards_grade(rewards, session);
  add_rewards_list(rewards, session);
  add_rewards_test(rewards, session);
  add_rewards_explain(rewards, session);
  add_rewards_verify(rewards, session);

  add_doctor(root, session);

  Command help = root.add_subcommand("help", "what can be set");
  help.require_subcommand();
  add_help_recipe(help, session);
}

}  // namespace gradus::cli
