#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/json.h"
#include "base/jsonl.h"
#include "base/setting.h"
#include "cli/commands/commands.h"
#include "cli/quantity.h"
#include "cli/text_table.h"
#include "rewards/reward_set.h"
#include "rl/run_config.h"
#include "rl/samples.h"

namespace gradus::cli {
namespace {

struct Options {
  std::string recipe;
  std::vector<std::string> settings;
  std::string in;
  bool as_json = false;
};

/// One line of the file: the data row's columns, with `completion` or `completions` among them.
struct Case {
  nlohmann::json row;
  std::string prompt;
  std::vector<std::string> completions;
};

std::string text_at(const nlohmann::json& row, const char* key, const std::string& where) {
  if (!row.at(key).is_string()) {
    throw FileError(where, "bad_row", fmt::format("`{}` is not text", key));
  }
  return row[key].get<std::string>();
}

Case read_case(std::string_view line, const std::string& where) {
  Case test{parse_json(line, where), "", {}};
  if (!test.row.is_object()) throw FileError(where, "bad_row", "is not a JSON object");
  for (const char* key : {"prompt", "question"}) {
    if (test.prompt.empty() && test.row.contains(key) && test.row[key].is_string()) {
      test.prompt = test.row[key].get<std::string>();
    }
  }
  if (test.row.contains("completion")) {
    test.completions.push_back(text_at(test.row, "completion", where));
  } else if (test.row.contains("completions") && test.row["completions"].is_array()) {
    for (const auto& completion : test.row["completions"]) {
      if (!completion.is_string()) throw FileError(where, "bad_row", "a completion is not text");
      test.completions.push_back(completion.get<std::string>());
    }
  }
  if (test.completions.empty()) {
    throw FileError(where, "bad_row", "has neither `completion` (text) nor `completions` (texts)");
  }
  return test;
}

std::vector<rewards::RewardInput> inputs_of(const Case& test) {
  std::vector<rewards::RewardInput> inputs;
  for (const auto& completion : test.completions) {
    rewards::RewardInput input;
    input.prompt = test.prompt;
    input.completion = completion;
    input.row = &test.row;
    const auto messages = test.row.find("messages");
    if (messages != test.row.end() && messages->is_array()) input.messages = &*messages;
    input.truncated = test.row.value("truncated", false);
    inputs.push_back(input);
  }
  return inputs;
}

nlohmann::ordered_json graded_json(const rewards::GradedGroup& graded,
                                   const std::vector<std::string>& names, size_t completion) {
  nlohmann::ordered_json grades = nlohmann::ordered_json::object();
  for (size_t rule = 0; rule < names.size(); ++rule) {
    grades[names[rule]] = rl::grade_json(graded.grades[rule][completion]);
  }
  const double reward = graded.rewards[completion];
  nlohmann::ordered_json json;
  json["reward"] =
      std::isnan(reward) ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(reward);
  json["grades"] = std::move(grades);
  return json;
}

std::string grade_text(const rewards::Grade& grade) {
  std::string text = grade.outcome == rewards::GradeOutcome::scored
                         ? short_number(grade.value)
                         : rl::outcome_name(grade.outcome);
  return grade.reason.empty() ? text : text + " (" + grade.reason + ")";
}

std::string counts_text(const std::vector<rewards::RuleCounts>& counts) {
  TextTable table({"rule", "scored", "skipped", "failed", "timed out", "first reason"});
  for (const auto& count : counts) {
    table.add({count.name, std::to_string(count.scored), std::to_string(count.skipped),
               std::to_string(count.failed), std::to_string(count.timed_out), count.first_reason});
  }
  return "\n" + table.text();
}

void print_group(const Options& options, const rewards::GradedGroup& graded,
                 const std::vector<std::string>& names, int64_t line, Session& session) {
  for (size_t i = 0; i < graded.rewards.size(); ++i) {
    if (options.as_json) {
      auto json = graded_json(graded, names, i);
      json["line"] = line;
      json["index"] = i;
      session.out << json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
                  << "\n";
      continue;
    }
    session.out << fmt::format("line {} completion {}: reward {}", line, i,
                               short_number(graded.rewards[i]));
    for (size_t rule = 0; rule < names.size(); ++rule) {
      session.out << fmt::format("  {} {}", names[rule], grade_text(graded.grades[rule][i]));
    }
    session.out << "\n";
  }
}

void test_rewards(const Options& options, Session& session) {
  const auto config = rl::load_run_config(options.recipe, options.settings);
  rewards::RewardSet set(config.rewards);
  const auto names = set.rule_names();
  LineReader lines(options.in);
  while (const auto line = lines.next()) {
    if (session.stop.stop_requested()) {
      session.exit_code = kInterrupted;
      break;
    }
    const Case test = read_case(line->text, lines.where());
    print_group(options, set.grade(inputs_of(test)), names, line->number, session);
  }
  const auto counts = set.take_counts();
  if (!options.as_json) session.out << counts_text(counts);
  for (const auto& count : counts) {
    if (count.failed + count.timed_out > 0) session.exit_code = kFailed;
  }
}

}  // namespace

void add_rewards_test(CLI::App& parent, Session& session) {
  auto options = std::make_shared<Options>();
  CLI::App* app = parent.add_subcommand(
      "test", "grade completions of a file with a recipe's rules, before any training");
  app->add_option("recipe", options->recipe, "recipe whose [[rewards]] grade")->required();
  app->add_option("--in", options->in,
                  "JSONL: a data row's columns (question, answer, ...) with `completion` or "
                  "`completions`")
      ->required();
  app->add_option("--set", options->settings, "change a setting, e.g. rewards[0].weight=0.5");
  app->add_flag("--json", options->as_json, "one JSON object per completion and line");
  app->callback([options, &session] { test_rewards(*options, session); });
}

}  // namespace gradus::cli
