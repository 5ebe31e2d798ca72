#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <stop_token>

#include "base/error.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "base/printable.h"
#include "cli/commands/command_record.h"
#include "cli/rewards/reward_case.h"
#include "cli/rewards/reward_options.h"
#include "rewards/rule_text.h"
#include "rl/collect/grade_record.h"

namespace gradus::cli {
namespace {

using nlohmann::json;

struct RewardsTestOptions {
  RewardOptions rewards;
  std::string cases;
  bool as_json = false;
};

/// The rules of the command line, or of a case that names its own; each is made once.
class RuleSets {
 public:
  RuleSets(const RewardOptions& options, std::stop_token stop) : stop_(std::move(stop)) {
    if (options.has_any()) {
      common_ = std::make_unique<rewards::RewardSet>(reward_configs(options));
      common_->stop_with(stop_);
    }
  }

  rewards::RewardSet& of(const json& row, const std::string& where) {
    const auto rule = row.find("rule");
    if (rule != row.end() && rule->is_string()) return named(rule->get<std::string>(), where);
    if (rule != row.end() && !rule->is_null()) {
      throw FileError(
          where, "bad_row",
          "`rule` is " + printable(dump_json(*rule), 60) + ", must be text, as after --rule");
    }
    if (common_) return *common_;
    throw FileError(where, "bad_row", "names no `rule`, and neither --rule nor --recipe is given");
  }

 private:
  rewards::RewardSet& named(const std::string& text, const std::string& where) {
    auto& set = named_[text];
    if (set) return *set;
    try {
      set = std::make_unique<rewards::RewardSet>(std::vector{rewards::parse_rule(text)});
      set->stop_with(stop_);
    } catch (const Error& error) {
      throw ConfigError(where + ": rule: " + error.what());
    }
    return *set;
  }

  std::stop_token stop_;
  std::unique_ptr<rewards::RewardSet> common_;
  std::map<std::string, std::unique_ptr<rewards::RewardSet>> named_;
};

/// What a case says of one grade, or of the reward.
struct Expectation {
  std::string of;  // a rule, or "reward"
  json value;      // a number, or the name of an outcome; null is skipped
};

std::vector<Expectation> expectations_of(const json& expected, size_t completion, size_t count,
                                         const std::vector<std::string>& names,
                                         const std::string& where) {
  const json* value = &expected;
  if (expected.is_array()) {
    if (expected.size() != count) {
      throw FileError(
          where, "bad_row",
          fmt::format("`expected` has {} entries for {} completions", expected.size(), count));
    }
    value = &expected[completion];
  }
  if (!value->is_object()) return {{names.size() == 1 ? names[0] : "reward", *value}};
  if (value->empty()) throw FileError(where, "bad_row", "`expected` is empty, must name a rule");
  std::vector<Expectation> list;
  for (const auto& [name, wanted] : value->items()) list.push_back({name, wanted});
  return list;
}

/// What became of it, as an expectation is written.
json found_value(const rewards::GradedGroup& graded, size_t completion, const std::string& of,
                 const std::vector<std::string>& names, const std::string& where) {
  if (of == "reward") {
    const double reward = graded.rewards[completion];
    return std::isnan(reward) ? json("skipped") : json(reward);
  }
  const auto rule = std::find(names.begin(), names.end(), of);
  if (rule == names.end()) {
    throw FileError(where, "bad_row", "`expected` names \"" + printable(of, 100) + "\", no rule");
  }
  const auto& grade = graded.grades[static_cast<size_t>(rule - names.begin())][completion];
  if (grade.outcome != rewards::GradeOutcome::scored) return rl::outcome_name(grade.outcome);
  return grade.value;
}

std::string reason_of(const rewards::GradedGroup& graded, size_t completion, const std::string& of,
                      const std::vector<std::string>& names) {
  const auto rule = std::find(names.begin(), names.end(), of);
  if (rule == names.end()) return "";
  const auto& grade = graded.grades[static_cast<size_t>(rule - names.begin())][completion];
  if (!grade.reason.empty()) return grade.reason;
  return grade.details.is_null() ? "" : dump_json(grade.details);
}

bool agrees(const json& expected, const json& found, double tolerance) {
  if (expected.is_null()) return found == "skipped";
  if (expected.is_boolean()) return found == (expected.get<bool>() ? 1.0 : 0.0);
  if (expected.is_number() && found.is_number()) {
    return std::abs(expected.get<double>() - found.get<double>()) <= tolerance;
  }
  return expected == found;
}

double tolerance_of(const json& row, const std::string& where) {
  const auto given = row.find("tolerance");
  if (given == row.end()) return 1e-9;
  if (given->is_number() && given->get<double>() >= 0.0) return given->get<double>();
  throw FileError(where, "bad_row", "`tolerance` is not a number >= 0");
}

struct Counts {
  int64_t right = 0;
  int64_t wrong = 0;
};

void test_case(const RewardCase& test, rewards::RewardSet& set, const std::string& where,
               bool as_json, Session& session, Counts& counts) {
  if (!test.row.contains("expected")) throw FileError(where, "bad_row", "has no `expected`");
  const auto names = set.rule_names();
  const auto graded = set.grade(test.inputs());
  const double tolerance = tolerance_of(test.row, where);
  const size_t count = test.completions.size();
  for (size_t i = 0; i < count; ++i) {
    for (const auto& wanted : expectations_of(test.row["expected"], i, count, names, where)) {
      const json found = found_value(graded, i, wanted.of, names, where);
      const bool is_right = agrees(wanted.value, found, tolerance);
      ++(is_right ? counts.right : counts.wrong);
      const std::string reason = reason_of(graded, i, wanted.of, names);
      if (as_json) {
        session.out << json_line({{"case", where},
                                  {"index", i},
                                  {"of", wanted.of},
                                  {"expected", wanted.value},
                                  {"found", found},
                                  {"passed", is_right},
                                  {"reason", reason}});
      } else if (!is_right) {
        session.out << fmt::format("{}: {}: expected {}, got {}{}\n    of {}\n", where, wanted.of,
                                   dump_json(wanted.value), dump_json(found),
                                   reason.empty() ? "" : " (" + printable(reason, 300) + ")",
                                   printable(test.completions[i], 200));
      }
    }
  }
}

void run_tests(const RewardsTestOptions& options, Session& session) {
  RuleSets sets(options.rewards, session.stop);
  LineReader lines(options.cases);
  Counts counts;
  while (const auto line = lines.next()) {
    if (session.stop.stop_requested()) break;
    const RewardCase test = read_reward_case(line->text, lines.where());
    test_case(test, sets.of(test.row, lines.where()), lines.where(), options.as_json, session,
              counts);
  }
  if (session.stop.stop_requested()) {
    session.exit_code = kInterrupted;
    return;
  }
  const int64_t total = counts.right + counts.wrong;
  if (total == 0) throw FileError(options.cases, "empty", "holds no cases");
  std::ostream& out = options.as_json ? session.err : session.out;
  out << fmt::format("{} of {} as expected\n", counts.right, total);
  if (counts.wrong > 0) session.exit_code = kFailed;
}

void declare_rewards_test(Command app, Session& session) {
  auto options = std::make_shared<RewardsTestOptions>();
  app.add_option("cases", options->cases,
                 "JSONL: `completion`, `expected` (a number, skipped, failed, timed_out, or these "
                 "by rule), the columns that the rule reads, and perhaps `rule` and `tolerance`")
      .required();
  add_reward_options(app, options->rewards);
  app.add_flag("--json", options->as_json, "one JSON object per expectation and line");
  app.callback([options, &session] { run_tests(*options, session); });
}

}  // namespace

extern const CommandRecord kRewardsTestCommand{
    "rewards", "test", "test rules on completions whose grade is known", declare_rewards_test};

}  // namespace gradus::cli
