#include <fmt/format.h>

#include <memory>
#include <ostream>
#include <string>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "cli/commands/command_record.h"
#include "rl/algorithms/cases/answer.h"

namespace gradus::cli {
namespace {

struct RlLossesOptions {
  std::string in;
  std::string out;
  std::string dtype = "float64";
};

rl::CasePrecision precision_of(const std::string& dtype) {
  if (dtype == "float64") return rl::CasePrecision::float64;
  if (dtype == "float32") return rl::CasePrecision::float32;
  throw ConfigError(fmt::format("--dtype: is \"{}\", must be float64 or float32", dtype));
}

/// What is no JSON is a wrong request, not a broken file.
nlohmann::json read_case(std::string_view text, const std::string& where) {
  try {
    return parse_json(text, where);
  } catch (const FileError& error) {
    throw ConfigError(error.what());
  }
}

void answer_cases(const RlLossesOptions& options, Session& session) {
  const auto precision = precision_of(options.dtype);
  LineReader lines(options.in);
  AtomicFile out(options.out);
  int64_t answered = 0;
  int64_t unsupported = 0;
  while (const auto line = lines.next()) {
    if (session.stop.stop_requested()) {
      session.exit_code = kInterrupted;
      return;
    }
    const auto answer = rl::answer_case(read_case(line->text, lines.where()), precision);
    (answer.contains("unsupported") ? unsupported : answered) += 1;
    out.write(dump_json(answer) + "\n");
  }
  out.commit();
  session.out << fmt::format("{} cases answered, {} unsupported\n", answered, unsupported);
}

void declare_rl_losses(Command app, Session& session) {
  auto options = std::make_shared<RlLossesOptions>();
  app.add_option("--in", options->in, "JSONL, .gz too: one case per line").required();
  app.add_option("--out", options->out, "JSONL: one answer per line").required();
  app.add_option("--dtype", options->dtype, "float64, or float32 as training computes");
  app.callback([options, &session] { answer_cases(*options, session); });
}

}  // namespace

extern const CommandRecord kRlLossesCommand{
    "rl", "losses",
    "losses, gradients, advantages and weights of given cases, by the code that trains",
    declare_rl_losses};

}  // namespace gradus::cli
