#pragma once

#include <CLI/App.hpp>

#include "cli/session.h"

namespace gradus::cli {

// One function per file of this folder: declares a command under `parent`, whose callback reads
// the arguments, does the work and sets session.exit_code.

void add_train(CLI::App& parent, Session& session);
void add_eval(CLI::App& parent, Session& session);
void add_sample(CLI::App& parent, Session& session);
void add_chat(CLI::App& parent, Session& session);
void add_tokenize(CLI::App& parent, Session& session);

void add_model_info(CLI::App& parent, Session& session);
void add_model_convert(CLI::App& parent, Session& session);
void add_model_export(CLI::App& parent, Session& session);
void add_model_merge(CLI::App& parent, Session& session);
void add_model_logits(CLI::App& parent, Session& session);

void add_runs_list(CLI::App& parent, Session& session);
void add_runs_show(CLI::App& parent, Session& session);
void add_runs_compare(CLI::App& parent, Session& session);
void add_runs_report(CLI::App& parent, Session& session);

void add_data_generate(CLI::App& parent, Session& session);
void add_data_tokenizer(CLI::App& parent, Session& session);
void add_rewards_check(CLI::App& parent, Session& session);
void add_rewards_grade(CLI::App& parent, Session& session);
void add_rewards_list(CLI::App& parent, Session& session);
void add_rewards_test(CLI::App& parent, Session& session);
void add_rewards_explain(CLI::App& parent, Session& session);
void add_rewards_verify(CLI::App& parent, Session& session);
void add_doctor(CLI::App& parent, Session& session);
void add_help_recipe(CLI::App& parent, Session& session);

}  // namespace gradus::cli
