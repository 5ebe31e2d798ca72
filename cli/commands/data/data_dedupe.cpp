#include <algorithm>
#include <memory>
#include <ostream>

#include "base/error.h"
#include "cli/commands/command_record.h"
#include "cli/commands/data/selection_output.h"
#include "rl/selection/selection.h"

namespace gradus::cli {
namespace {

struct DataDedupeOptions {
  std::string in;
  std::string out;
  double similarity = 0.8;
  bool as_json = false;
};

void dedupe(const DataDedupeOptions& options, Session& session) {
  if (options.similarity <= 0.0 || options.similarity > 1.0)
    throw ArgumentError("--similarity: must be above 0 and at most 1 (1: equal texts alone)");
  auto rows = rl::read_sampled_rows(options.in);
  rl::SelectionCounts counts;
  counts.input = static_cast<int64_t>(rows.size());
  std::ranges::sort(rows, rl::comes_before);
  counts.dropped.emplace_back("duplicate", rl::drop_duplicates(rows));
  counts.dropped.emplace_back("similar", rl::drop_similar(rows, options.similarity));
  counts.kept = static_cast<int64_t>(rows.size());
  rl::write_sampled_rows(options.out, rows);
  say_counts(counts, options.as_json, session);
}

void declare_data_dedupe(Command app, Session& session) {
  auto options = std::make_shared<DataDedupeOptions>();
  app.add_option("--in", options->in, "JSONL of prompts and responses").required();
  app.add_option("--out", options->out, "JSONL to write").required();
  app.add_option("--similarity", options->similarity,
                 "rows whose sets of five-word runs have a larger Jaccard index are one");
  app.add_flag("--json", options->as_json, "counts as one JSON object");
  app.callback([options, &session] { dedupe(*options, session); });
}

}  // namespace

extern const CommandRecord kDataDedupeCommand{
    "data", "dedupe", "leave out rows that repeat others, word by word or nearly",
    declare_data_dedupe};

}  // namespace gradus::cli
