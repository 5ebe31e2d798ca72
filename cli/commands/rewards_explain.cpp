#include <fmt/format.h>

#include <memory>
#include <ostream>

#include "base/json.h"
#include "base/printable.h"
#include "cli/commands/command_record.h"
#include "rewards/verify_case.h"

namespace gradus::cli {
namespace {

using nlohmann::json;

struct RewardsExplainOptions {
  std::string gold;
  std::string answer;
  std::string config = "{}";
  bool as_json = false;
};

constexpr size_t kShown = 400;

void run(const RewardsExplainOptions& options, Session& session) {
  const json line{{"gold", options.gold},
                  {"prediction", options.answer},
                  {"config", parse_json(options.config, "--config")}};
  const auto verdict = rewards::read_verify_case(line, "--config").grade(true);
  const json found{{"score", verdict.is_right()},
                   {"reason", rewards::math::reason_name(verdict.reason)},
                   {"gold", verdict.gold},
                   {"answer", verdict.answer},
                   {"place", verdict.place},
                   {"gold_form", verdict.gold_form},
                   {"answer_form", verdict.answer_form},
                   {"decided_by", verdict.path}};
  if (options.as_json) {
    session.out << dump_json(found) << "\n";
    return;
  }
  const auto show = [&](const char* what, const std::string& value) {
    if (!value.empty()) session.out << fmt::format("{:<12} {}\n", what, printable(value, kShown));
  };
  show("verdict", std::string(verdict.is_right() ? "right" : "wrong") + " (" +
                      rewards::math::reason_name(verdict.reason) + ")");
  show("gold", verdict.gold);
  show("answer", verdict.answer.empty() ? "none found" : verdict.answer);
  show("found as", verdict.place);
  show("gold is", verdict.gold_form);
  show("answer is", verdict.answer_form);
  show("decided by", verdict.path);
}

void declare_rewards_explain(Command app, Session& session) {
  auto options = std::make_shared<RewardsExplainOptions>();
  app.add_option("--gold", options->gold, "the right answer, as in the data").required();
  app.add_option("--answer", options->answer, "a completion, or its final answer").required();
  app.add_option("--config", options->config,
                 "JSON with Math-Verify's settings, or a profile: {\"profile\": \"hendrycks\"}");
  app.add_flag("--json", options->as_json, "one JSON object");
  app.callback([options, &session] { run(*options, session); });
}

}  // namespace

extern const CommandRecord kRewardsExplainCommand{
    "rewards", "explain", "what is taken from one answer, both exact forms, and what decides",
    declare_rewards_explain};

}  // namespace gradus::cli
