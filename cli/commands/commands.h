#pragma once

#include "cli/arguments.h"
#include "cli/session.h"

namespace gradus::cli {

// One function per file of this folder: declares a command under `parent`, whose callback reads
// the arguments, does the work and sets session.exit_code.

void add_train(Command parent, Session& session);
void add_eval(Command parent, Session& session);
void add_sample(Command parent, Session& session);
void add_chat(Command parent, Session& session);
void add_tokenize(Command parent, Session& session);

void add_model_info(Command parent, Session& session);
void add_model_convert(Command parent, Session& session);
void add_model_export(Command parent, Session& session);
void add_model_merge(Command parent, Session& session);
void add_model_logits(Command parent, Session& session);

void add_runs_list(Command parent, Session& session);
void add_runs_show(Command parent, Session& session);
void add_runs_compare(Command parent, Session& session);
void add_runs_report(Command parent, Session& session);

void add_data_generate(Command parent, Session& session);
void add_data_tokenizer(Command parent, Session& session);
void add_rewards_check(Command parent, Session& session);
void add_rewards_grade(Command parent, Session& session);
void add_rewards_list(Command parent, Session& session);
void add_rewards_test(Command parent, Session& session);
void add_rewards_explain(Command parent, Session& session);
void add_rewards_verify(Command parent, Session& session);
void add_doctor(Command parent, Session& session);
void add_help_recipe(Command parent, Session& session);

}  // namespace gradus::cli
