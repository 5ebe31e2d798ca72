#include <fmt/format.h>

#include <memory>
#include <ostream>

#include "base/clock.h"
#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/data_format.h"
#include "base/files/jsonl.h"
#include "base/quantity.h"
#include "cli/commands/command_record.h"
#include "cli/rewards/reward_case.h"
#include "cli/rewards/reward_distribution.h"
#include "cli/rewards/reward_options.h"
#include "rl/collect/reward_model_rule.h"

namespace gradus::cli {
namespace {

struct RewardsGradeOptions {
  RewardOptions rewards;
  std::string data;
  std::string column;
  std::string out;
};

/// Where the lines go: a file that appears when it is whole, the terminal, or nowhere.
class LineSink {
 public:
  LineSink(const std::string& out, Session& session) {
    if (out == "-") {
      terminal_ = &session.out;
    } else if (!out.empty()) {
      file_ = std::make_unique<AtomicFile>(out);
    }
  }

  void write(const std::string& line) {
    if (file_) file_->write(line);
    if (terminal_ != nullptr) *terminal_ << line;
  }

  void commit() {
    if (file_) file_->commit();
  }

 private:
  std::unique_ptr<AtomicFile> file_;
  std::ostream* terminal_ = nullptr;
};

void write_group(const rewards::GradedGroup& graded, const std::vector<std::string>& names,
                 int64_t line, LineSink& sink) {
  for (size_t i = 0; i < graded.rewards.size(); ++i) {
    nlohmann::ordered_json json{{"line", line}, {"index", i}};
    json.update(graded_json(graded, names, i));
    sink.write(json_line(json));
  }
}

void grade_file(const RewardsGradeOptions& options, Session& session) {
  rewards::RewardSet set(reward_configs(options.rewards), rl::make_rule);
  set.stop_with(session.stop);
  const auto names = set.rule_names();
  RewardDistribution distribution(names);
  LineSink sink(options.out, session);
  refuse_other_formats(options.data);
  LineReader lines(options.data);
  const SteadyClock clock;
  double grading_s = 0.0;
  int64_t count = 0;
  while (const auto line = lines.next()) {
    if (session.stop.stop_requested()) break;
    const RewardCase test = read_reward_case(line->text, lines.where(), options.column);
    const double begin = clock.now_s();
    const auto graded = set.grade(test.inputs());
    grading_s += clock.now_s() - begin;
    count += static_cast<int64_t>(graded.rewards.size());
    distribution.add(graded);
    write_group(graded, names, line->number, sink);
  }
  if (session.stop.stop_requested()) {
    session.exit_code = kInterrupted;
    return;
  }
  if (count == 0) throw FileError(options.data, "empty", "holds no completions");
  sink.commit();
  // The lines own the terminal where they go there.
  std::ostream& out = options.out == "-" ? session.err : session.out;
  out << distribution.text()
      << fmt::format("{} completions in {}, {} a second\n", exact_text(count),
                     duration_text(grading_s),
                     count_text(static_cast<double>(count) / std::max(grading_s, 1e-9)));
  if (distribution.num_broken() > 0) session.exit_code = kFailed;
}

void declare_rewards_grade(Command app, Session& session) {
  auto options = std::make_shared<RewardsGradeOptions>();
  add_reward_options(app, options->rewards);
  app.add_option("--data", options->data,
                 "JSONL, .gz too: a data row's columns (question, answer, ...) with `completion` "
                 "or `completions`")
      .required();
  app.add_option("--column", options->column, "column with the completion, if it has another name");
  app.add_option("--out", options->out, "JSONL with every grade; -: the terminal");
  app.callback([options, &session] { grade_file(*options, session); });
}

}  // namespace

extern const CommandRecord kRewardsGradeCommand{
    "rewards", "grade", "grade a file of completions, and show how the grades are distributed",
    declare_rewards_grade};

}  // namespace gradus::cli
