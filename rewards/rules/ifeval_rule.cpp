// Rule `ifeval`: the response obeys the instructions of its row, as far as a program can tell.
//
//   all: 1 if every instruction is followed, else 0;   share: followed / instructions
//
// Source: IFEval (arXiv:2311.07911); the checks are in instructions/instruction.h. The row has
// IFEval's columns `instruction_id_list` (ids) and `kwargs` (one object each); or the options list
// instructions that hold for every row.

#include <utility>

#include "base/error.h"
#include "base/printable.h"
#include "rewards/instructions/instruction.h"
#include "rewards/rule_record.h"
#include "rewards/rules/part_setting.h"
#include "rewards/rules/reference.h"

namespace gradus::rewards {
namespace {

enum class InstructionScore { all, share };
enum class Strictness { strict, loose };

struct IfevalConfig {
  std::vector<std::string> instructions;
  nlohmann::json kwargs = nlohmann::json::array();
  std::string ids_column = "instruction_id_list";
  std::string kwargs_column = "kwargs";
  Strictness mode = Strictness::strict;
  InstructionScore score = InstructionScore::all;
  TextPart part = TextPart::answer;
};

template <class Field>
void describe(IfevalConfig& c, Field&& field) {
  field("instructions", c.instructions, any(),
        "ids for every row, e.g. [\"length_constraints:number_words\"]; empty: the row's own");
  field("kwargs", c.kwargs, any(), "their arguments, a list with one table each");
  field("ids_column", c.ids_column, non_empty(), "column with the row's ids");
  field("kwargs_column", c.kwargs_column, non_empty(), "column with their arguments");
  field("mode", c.mode,
        one_of<Strictness>({{"strict", Strictness::strict}, {"loose", Strictness::loose}}),
        "loose: as well without the first or the last line, or without asterisks");
  field("score", c.score,
        one_of<InstructionScore>(
            {{"all", InstructionScore::all}, {"share", InstructionScore::share}}),
        "1 if all are followed, or the share that is");
  describe_part(c.part, field);
}

struct NamedCheck {
  std::string id;
  InstructionCheck check;
};

std::vector<NamedCheck> make_checks(const std::vector<std::string>& ids,
                                    const nlohmann::json& kwargs) {
  if (!kwargs.is_array() || (!kwargs.empty() && kwargs.size() != ids.size())) {
    throw ArgumentError("kwargs: must be a list with one table for each of " +
                        std::to_string(ids.size()) + " instructions");
  }
  std::vector<NamedCheck> checks;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto arguments = kwargs.empty() ? nlohmann::json::object() : kwargs[i];
    checks.push_back({ids[i], make_instruction(ids[i], arguments)});
  }
  return checks;
}

class IfevalRule final : public RewardRule {
 public:
  IfevalRule(std::string name, IfevalConfig config, std::vector<NamedCheck> checks)
      : name_(std::move(name)), config_(std::move(config)), checks_(std::move(checks)) {}

  std::string name() const override { return name_; }

  std::vector<Grade> grade(std::span<const RewardInput> group) override {
    std::vector<Grade> grades;
    const nlohmann::json* row = nullptr;
    RowChecks of_row;
    for (const RewardInput& input : group) {
      // The completions of a prompt share its row.
      if (checks_.empty() && (grades.empty() || input.row != row)) of_row = read_row(input.row);
      row = input.row;
      if (!of_row.missing.empty()) {
        grades.push_back(of_row.is_broken ? failed(of_row.missing) : skipped(of_row.missing));
      } else {
        grades.push_back(grade_one(input, checks_.empty() ? of_row.checks : checks_));
      }
    }
    return grades;
  }

 private:
  struct RowChecks {
    std::vector<NamedCheck> checks;
    std::string missing;
    bool is_broken = false;  // there are instructions, but they cannot be checked
  };

  RowChecks read_row(const nlohmann::json* row) const {
    RowChecks read;
    const auto ids = references_of(row, config_.ids_column);
    read.missing = ids.missing;
    if (ids.texts.empty()) return read;
    const nlohmann::json* kwargs = value_at(row, config_.kwargs_column);
    try {
      read.checks = make_checks(ids.texts, kwargs == nullptr ? nlohmann::json::array() : *kwargs);
    } catch (const ArgumentError& error) {
      // A fault of the data: told with every grade of the row.
      read.missing = error.what();
      read.is_broken = true;
    }
    return read;
  }

  Grade grade_one(const RewardInput& input, const std::vector<NamedCheck>& checks) const {
    const std::string_view text = part_of(input.completion, config_.part).value_or("");
    size_t num_followed = 0;
    nlohmann::json details = nlohmann::json::object();
    for (const NamedCheck& named : checks) {
      const bool follows = is_followed(named.check, text, config_.mode == Strictness::loose);
      num_followed += follows ? 1 : 0;
      // Two of one id are both to be followed.
      details[named.id] = details.value(named.id, true) && follows;
    }
    const bool follows_all = num_followed == checks.size();
    const double share = static_cast<double>(num_followed) / static_cast<double>(checks.size());
    Grade grade = scored(config_.score == InstructionScore::share ? share : (follows_all ? 1 : 0));
    grade.details = {{"followed", std::move(details)}};
    return grade;
  }

  std::string name_;
  IfevalConfig config_;
  std::vector<NamedCheck> checks_;
};

std::unique_ptr<RewardRule> make_ifeval_rule(const RewardConfig& config) {
  auto options = read_options<IfevalConfig>(config);
  std::vector<NamedCheck> checks;
  try {
    checks = make_checks(options.instructions, options.kwargs);
  } catch (const ArgumentError& error) {
    throw ConfigError(source_of(config) + ": instructions: " + error.what());
  }
  return std::make_unique<IfevalRule>(config.display_name(), std::move(options), std::move(checks));
}

}  // namespace

extern const RewardRuleRecord kIfevalRule{"ifeval",
                                          "instructions that a program can check, as in IFEval",
                                          make_ifeval_rule, options_of<IfevalConfig>};

}  // namespace gradus::rewards
