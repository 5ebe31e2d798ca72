#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/settings/setting.h"
#include "cli/commands/command_record.h"
#include "cli/commands/data/selection_output.h"
#include "rl/selection/row_filter.h"
#include "rl/selection/selection.h"

namespace gradus::cli {
namespace {

struct DataFilterOptions {
  std::string in;
  std::string out;
  std::vector<std::string> against;
  std::vector<std::string> settings;
  bool wants_list = false;
  bool as_json = false;
};

std::string filters_text() {
  std::string text;
  for (const auto* filter : rl::row_filters().records())
    text += std::string(filter->name) + ": " + std::string(filter->text) + "\n";
  text += "\nsettings (--set):\n";
  for (const auto& setting : list_settings(rl::SelectionConfig{}))
    text += "  " + setting.key + " = " + setting.default_value + ": " + setting.text + "\n";
  return text;
}

void filter_rows(const DataFilterOptions& options, Session& session) {
  if (options.in.empty() || options.out.empty())
    throw ArgumentError("data filter: --in and --out must be given; --list shows all filters");
  rl::SelectionConfig config;
  for (const auto& setting : options.settings) apply_set(config, setting);
  check_settings(config, "--set");
  check(config, "--set");
  const auto selection =
      rl::select_rows(rl::read_sampled_rows(options.in), config, prompts_of(options.against));
  rl::write_sampled_rows(options.out, selection.rows);
  say_counts(selection.counts, options.as_json, session);
}

void declare_data_filter(Command app, Session& session) {
  auto options = std::make_shared<DataFilterOptions>();
  app.add_option("--in", options->in, "JSONL of prompts and responses, e.g. a run's samples.jsonl");
  app.add_option("--out", options->out, "JSONL to write, for task = \"sft\"");
  app.add_option("--against", options->against,
                 "JSONL whose prompts are kept for evaluation: rows that share them are left out; "
                 "repeatable")
      .one_each();
  app.add_option("--set", options->settings, "a setting of the selection, e.g. most=4; repeatable")
      .one_each();
  app.add_flag("--list", options->wants_list, "show the filters and their settings");
  app.add_flag("--json", options->as_json, "counts as one JSON object");
  app.callback([options, &session] {
    if (options->wants_list)
      session.out << filters_text();
    else
      filter_rows(*options, session);
  });
}

}  // namespace

extern const CommandRecord kDataFilterCommand{
    "data", "filter", "keep the samples that are good to learn from, and say why others are not",
    declare_data_filter};

}  // namespace gradus::cli
