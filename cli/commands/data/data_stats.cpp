#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "base/json.h"
#include "cli/commands/command_record.h"
#include "cli/text_table.h"
#include "rl/selection/selection.h"
#include "rl/selection/shingles.h"

namespace gradus::cli {
namespace {

struct DataStatsOptions {
  std::string in;
  bool as_json = false;
};

/// Of one source, or of all.
struct RowStats {
  int64_t rows = 0;
  std::set<std::string> prompts;
  std::vector<int64_t> lengths;  ///< tokens, or words where tokens are not known
  int64_t cut_off = 0;
  int64_t graded = 0;
  double reward = 0.0;
  std::map<std::string, double> pass_rates;  ///< by prompt

  void add(const rl::SampledRow& row) {
    ++rows;
    const std::string& prompt = row.prompt_id.empty() ? row.prompt : row.prompt_id;
    prompts.insert(prompt);
    lengths.push_back(row.num_tokens >= 0
                          ? row.num_tokens
                          : static_cast<int64_t>(rl::comparison_words(row.response).size()));
    if (row.finish == "length") ++cut_off;
    if (row.reward) {
      ++graded;
      reward += *row.reward;
    }
    if (row.pass_rate) pass_rates[prompt] = *row.pass_rate;
  }

  int64_t length_at(double share) {
    std::ranges::sort(lengths);
    const auto at = static_cast<size_t>(share * static_cast<double>(lengths.size() - 1) + 0.5);
    return lengths.empty() ? 0 : lengths[at];
  }
  int64_t solved(double low, double high) const {
    return std::ranges::count_if(
        pass_rates, [&](const auto& rate) { return rate.second >= low && rate.second <= high; });
  }
};

nlohmann::json stats_json(RowStats& stats) {
  return {{"rows", stats.rows},
          {"prompts", stats.prompts.size()},
          {"length",
           {{"p5", stats.length_at(0.05)},
            {"median", stats.length_at(0.5)},
            {"p95", stats.length_at(0.95)}}},
          {"cut_off", stats.cut_off},
          {"mean_reward", stats.graded > 0
                              ? nlohmann::json(stats.reward / static_cast<double>(stats.graded))
                              : nullptr},
          {"prompts_never_solved", stats.solved(0.0, 0.0)},
          {"prompts_sometimes_solved",
           stats.solved(0.0, 1.0) - stats.solved(0.0, 0.0) - stats.solved(1.0, 1.0)},
          {"prompts_always_solved", stats.solved(1.0, 1.0)}};
}

void show_stats(const DataStatsOptions& options, Session& session) {
  auto rows = rl::read_sampled_rows(options.in);
  rl::note_statistics(rows, {});
  std::map<std::string, RowStats> sources;
  RowStats all;
  for (const auto& row : rows) {
    sources[row.source.empty() ? "-" : row.source].add(row);
    all.add(row);
  }
  if (options.as_json) {
    nlohmann::json json = stats_json(all);
    for (auto& [source, stats] : sources) json["sources"][source] = stats_json(stats);
    session.out << dump_json(json) << "\n";
    return;
  }
  TextTable table({"source", "rows", "prompts", "length p5", "median", "p95", "cut off", "reward",
                   "never", "sometimes", "always solved"});
  const auto add = [&](const std::string& name, RowStats& stats) {
    const auto json = stats_json(stats);
    const auto text = [&](const char* key) { return json[key].dump(); };
    table.add({name, text("rows"), text("prompts"), json["length"]["p5"].dump(),
               json["length"]["median"].dump(), json["length"]["p95"].dump(), text("cut_off"),
               json["mean_reward"].is_null()
                   ? "-"
                   : fmt::format("{:.3f}", json["mean_reward"].get<double>()),
               text("prompts_never_solved"), text("prompts_sometimes_solved"),
               text("prompts_always_solved")});
  };
  for (auto& [source, stats] : sources) add(source, stats);
  if (sources.size() > 1) add("together", all);
  session.out << table.text();
}

void declare_data_stats(Command app, Session& session) {
  auto options = std::make_shared<DataStatsOptions>();
  app.add_option("--in", options->in, "JSONL of prompts and responses").required();
  app.add_flag("--json", options->as_json, "one JSON object");
  app.callback([options, &session] { show_stats(*options, session); });
}

}  // namespace

extern const CommandRecord kDataStatsCommand{
    "data", "stats", "lengths, rewards and pass rates of rows, by source", declare_data_stats};

}  // namespace gradus::cli
