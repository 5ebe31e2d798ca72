#include "service/jobs/run_tail.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/json.h"

namespace gradus::service {
namespace {

/// Ours, and the name that clients of OpenAI's API know.
constexpr std::pair<const char*, const char*> kFigures[] = {
    {"reward", "train_reward_mean"},
    {"reward_std", "train_reward_std"},
    {"eval/rewards/grader", "valid_reward_mean"},
    {"completions/mean_length", "train_reasoning_tokens_mean"},
    {"eval/mean_length", "valid_reasoning_tokens_mean"},
    {"loss", "train_loss"},
    {"eval/loss", "valid_loss"},
    {"rewards/accuracies", "train_accuracy"},
    {"kl", "kl"},
    {"entropy", "entropy"},
    {"grad_norm", "grad_norm"},
    {"learning_rate", "learning_rate"},
    {"clip_ratio/region_mean", "clip_fraction"},
    {"completions/clipped_ratio", "truncated_fraction"},
    {"rewards/grader/failed", "grader_errors"},
    {"num_tokens", "tokens"},
    {"time/step", "seconds"},
};

constexpr const char* kReinforcementColumns[] = {"step",
                                                 "train_reward_mean",
                                                 "train_reward_std",
                                                 "valid_reward_mean",
                                                 "train_reasoning_tokens_mean",
                                                 "valid_reasoning_tokens_mean",
                                                 "kl",
                                                 "entropy",
                                                 "grad_norm",
                                                 "clip_fraction",
                                                 "truncated_fraction",
                                                 "grader_errors",
                                                 "tokens",
                                                 "seconds"};
constexpr const char* kSupervisedColumns[] = {
    "step",   "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy",
    "tokens", "seconds"};

}  // namespace

nlohmann::json figures_of_step(const nlohmann::json& line) {
  nlohmann::json figures = nlohmann::json::object();
  for (const auto& [ours, theirs] : kFigures) {
    const auto value = line.find(ours);
    if (value != line.end() && value->is_number()) figures[theirs] = *value;
  }
  return figures;
}

std::vector<nlohmann::json> RunTail::new_lines(const std::filesystem::path& path, int64_t& offset) {
  std::vector<nlohmann::json> lines;
  std::error_code is_missing;
  const auto size = std::filesystem::file_size(path, is_missing);
  if (is_missing) return lines;
  if (static_cast<int64_t>(size) < offset) offset = 0;
  if (static_cast<int64_t>(size) == offset) return lines;
  std::ifstream in(path, std::ios::binary);
  in.seekg(offset);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  size_t begin = 0;
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    try {
      lines.push_back(parse_json(std::string_view(text).substr(begin, end - begin), path.string()));
    } catch (const FileError&) {
      // A line that a kill tore: the run writes it again.
    }
  }
  offset += static_cast<int64_t>(begin);
  return lines;
}

JobEvent RunTail::metrics_event(const nlohmann::json& line) {
  JobEvent event;
  event.type = "metrics";
  event.step = line.value("step", int64_t{0});
  event.data = figures_of_step(line);
  event.data["step"] = event.step;
  event.data["total_steps"] = steps_;
  event.message = fmt::format("Step {}/{}", event.step, steps_);
  const auto mention = [&](const char* key, const char* text) {
    if (event.data.contains(key))
      event.message +=
          fmt::format("{}{}={:.4g}", event.message.find(':') == std::string::npos ? ": " : ", ",
                      text, event.data[key].get<double>());
  };
  mention("train_loss", "training loss");
  mention("train_reward_mean", "train reward");
  mention("valid_reward_mean", "validation reward");
  mention("valid_loss", "validation loss");
  last_step_ = std::max(last_step_, event.step);
  if (event.data.contains("tokens"))
    trained_tokens_ = static_cast<int64_t>(event.data["tokens"].get<double>());
  return event;
}

std::vector<JobEvent> RunTail::read() {
  std::vector<JobEvent> events;
  for (const auto& line : new_lines(run_ / "warnings.jsonl", warnings_offset_)) {
    JobEvent event;
    event.level = "warn";
    event.message = line.value("message", "");
    if (!event.message.empty()) events.push_back(std::move(event));
  }
  for (const auto& line : new_lines(run_ / "metrics.jsonl", metrics_offset_)) {
    if (line.is_object()) events.push_back(metrics_event(line));
  }
  return events;
}

std::string results_csv(const std::vector<JobEvent>& metrics, bool is_reinforcement) {
  std::vector<std::string> columns;
  if (is_reinforcement) {
    columns.assign(std::begin(kReinforcementColumns), std::end(kReinforcementColumns));
  } else {
    columns.assign(std::begin(kSupervisedColumns), std::end(kSupervisedColumns));
  }
  std::string text;
  for (size_t i = 0; i < columns.size(); ++i) text += (i > 0 ? "," : "") + columns[i];
  text += "\n";
  for (const auto& event : metrics) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (i > 0) text += ",";
      const auto value = event.data.find(columns[i]);
      if (value != event.data.end() && value->is_number()) text += dump_json(*value);
    }
    text += "\n";
  }
  return text;
}

}  // namespace gradus::service
