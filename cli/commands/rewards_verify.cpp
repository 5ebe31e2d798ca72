#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <ostream>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "cli/commands/command_record.h"
#include "rewards/verify_case.h"

namespace gradus::cli {
namespace {

using nlohmann::json;

struct RewardsVerifyOptions {
  std::string in;
  std::string out;
};

struct Totals {
  int64_t num_cases = 0;
  int64_t num_values = 0;
  int64_t num_expected = 0;
  int64_t num_as_expected = 0;
  double seconds = 0;
};

void grade(json& line, const std::string& where, Totals& totals) {
  if (line.contains("reward")) {
    if (!line["reward"].is_string() || !line.contains("input")) {
      throw FileError(where, "bad_row", "needs `reward` (text) and `input` (object)");
    }
    line["value"] = rewards::reference_value(line["reward"], line["input"], where);
    ++totals.num_values;
    return;
  }
  const auto test = rewards::read_verify_case(line, where);
  const auto start = std::chrono::steady_clock::now();
  const auto verdict = test.grade();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  line["score"] = verdict.is_right();
  line["microseconds"] = took.count() * 1e6;
  line["reason"] = rewards::math::reason_name(verdict.reason);
  totals.seconds += took.count();
  ++totals.num_cases;
  if (!line.contains("expected") || !line["expected"].is_boolean()) return;
  ++totals.num_expected;
  totals.num_as_expected += line["expected"] == line["score"] ? 1 : 0;
}

void run(const RewardsVerifyOptions& options, Session& session) {
  LineReader reader(options.in);
  std::string graded;
  Totals totals;
  while (const auto text = reader.next()) {
    json line = parse_json(text->text, reader.where());
    if (!line.is_object()) throw FileError(reader.where(), "bad_row", "is not a JSON object");
    grade(line, reader.where(), totals);
    graded += dump_json(line) + "\n";
  }
  write_file_atomically(options.out, graded);
  if (totals.num_cases > 0) {
    session.out << fmt::format("{} cases graded in {:.1f} ms, {:.0f} a second\n", totals.num_cases,
                               totals.seconds * 1e3,
                               static_cast<double>(totals.num_cases) / totals.seconds);
  }
  if (totals.num_expected > 0) {
    session.out << fmt::format("{} of {} as expected ({:.1f} %)\n", totals.num_as_expected,
                               totals.num_expected,
                               100.0 * static_cast<double>(totals.num_as_expected) /
                                   static_cast<double>(totals.num_expected));
  }
  if (totals.num_values > 0) session.out << fmt::format("{} values\n", totals.num_values);
}

void declare_rewards_verify(Command app, Session& session) {
  auto options = std::make_shared<RewardsVerifyOptions>();
  app.add_option("--in", options->in, "JSONL with gold, prediction, config").required();
  app.add_option("--out", options->out, "JSONL to write").required();
  app.callback([options, &session] { run(*options, session); });
}

}  // namespace

extern const CommandRecord kRewardsVerifyCommand{
    "rewards", "verify",
    "grade a file of golds and predictions; adds score and microseconds to each line",
    declare_rewards_verify};

}  // namespace gradus::cli
