#include "rollout/prompts/file_prompts.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <unordered_set>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/data_format.h"
#include "base/files/jsonl.h"
#include "base/random.h"
#include "rollout/prompts/epoch_order.h"
#include "rollout/prompts/weighted_draw.h"

namespace gradus::rollout {
namespace {

constexpr size_t kMostShown = 20;
constexpr int64_t kMostRows = 2'000'000;
constexpr int64_t kMostBytes = int64_t{8} << 30;
constexpr const char* kKind = "invalid_training_file";

/// A row that became a usable prompt, kept as text: a parsed row is many times larger.
struct Line {
  int64_t number = 0;
  std::string text;
  std::optional<double> pass_rate;  ///< of the column, or of the provenance
};

std::optional<double> pass_rate_of(const nlohmann::ordered_json& row) {
  if (!row.is_object()) return std::nullopt;
  for (const auto* place : {&row, row.contains("provenance") ? &row["provenance"] : nullptr})
    if (place != nullptr && place->is_object() && place->contains("pass_rate") &&
        (*place)["pass_rate"].is_number())
      return (*place)["pass_rate"].get<double>();
  return std::nullopt;
}

class FilePrompts final : public PromptSource {
 public:
  FilePrompts(const DataConfig& config, PromptRenderer renderer, uint64_t seed)
      : path_(config.path),
        name_(std::filesystem::path(config.path).filename().string()),
        renderer_(std::move(renderer)),
        min_pass_rate_(config.min_pass_rate),
        max_pass_rate_(config.max_pass_rate) {
    read_all(config);
    if (config.order == RowOrder::failure)
      draw_.emplace(weights_of(config), seed);
    else
      order_.emplace(size(), seed, config.shuffle);
  }

  int64_t size() const override { return static_cast<int64_t>(lines_.size()); }
  const std::vector<std::string>& skipped() const override { return skipped_; }
  int64_t num_duplicates() const override { return num_duplicates_; }

  Prompt at(int64_t index) const override {
    const Line& line =
        lines_[static_cast<size_t>(draw_ ? draw_->row_at(index) : order_->row_at(index))];
    auto row = parse_exact_json(line.text, path_ + ":" + std::to_string(line.number));
    return renderer_.render(read_row(std::move(row), renderer_.rules()), id_of(line.number)).prompt;
  }

 private:
  std::string id_of(int64_t number) const { return name_ + ":" + std::to_string(number); }

  void read_all(const DataConfig& config) {
    refuse_other_formats(config.path);
    LineReader reader(config.path);
    std::unordered_set<uint64_t> seen;
    int64_t row = 0;
    int64_t taken = 0;
    int64_t bytes = 0;
    while (const auto line = reader.next()) {
      if (row++ < config.offset) continue;
      if (config.count > 0 && taken == config.count) break;
      if (++taken > kMostRows && config.count == 0) refuse_size("rows");
      if ((bytes += static_cast<int64_t>(line->text.size())) > kMostBytes) refuse_size("bytes");
      if (!seen.insert(hash_text(line->text)).second) ++num_duplicates_;
      read_line(*line);
    }
    refuse_problems();
    if (row == 0) throw FileError(path_, kKind, "holds no rows");
    if (!lines_.empty()) return;
    if (skipped_.empty()) {
      throw FileError(path_, kKind,
                      "data.offset is " + std::to_string(config.offset) + ", the file has only " +
                          std::to_string(row) + " rows");
    }
    throw FileError(path_, kKind,
                    "all " + std::to_string(skipped_.size()) +
                        " prompts are left out, the first: " + skipped_.front() +
                        "; see data.max_prompt_tokens, data.min_pass_rate and max_pass_rate");
  }

  // All rows are kept, so that any can be drawn.
  [[noreturn]] void refuse_size(const std::string& what) const {
    throw FileError(path_, kKind,
                    what == "rows" ? "holds more than 2,000,000 rows; say how many to keep in "
                                     "memory with data.count (and data.offset)"
                                   : "holds more than 8 GiB of rows; take a part of them with "
                                     "data.count and data.offset");
  }

  void read_line(const TextLine& line) {
    const std::string where = path_ + ":" + std::to_string(line.number);
    PromptRow read;
    std::optional<double> pass_rate;
    try {
      auto row = parse_exact_json(line.text, where);
      pass_rate = pass_rate_of(row);
      if (pass_rate && (*pass_rate < min_pass_rate_ || *pass_rate > max_pass_rate_)) {
        skipped_.push_back(id_of(line.number) + ": its pass rate is " +
                           nlohmann::json(*pass_rate).dump());
        return;
      }
      read = read_row(std::move(row), renderer_.rules());
    } catch (const FileError& error) {
      // One bad line is one of possibly many that the user wants to see at once.
      return note_problem(error.what());
    }
    if (!read.problem.empty()) return note_problem(where + ": " + read.problem);
    const auto rendered = renderer_.render(std::move(read), id_of(line.number));
    if (!rendered.problem.empty()) return note_problem(where + ": " + rendered.problem);
    if (!rendered.too_long.empty()) {
      skipped_.push_back(id_of(line.number) + ": " + rendered.too_long);
    } else {
      lines_.push_back({line.number, std::string(line.text), pass_rate});
    }
  }

  /// A row of which nothing is known is as good as one that always failed.
  std::vector<double> weights_of(const DataConfig& config) const {
    std::vector<double> weights;
    for (const Line& line : lines_)
      weights.push_back(std::max(config.easy_weight, 1.0 - line.pass_rate.value_or(0.0)));
    return weights;
  }

  void note_problem(std::string problem) {
    ++num_problems_;
    if (problems_.size() < kMostShown) problems_.push_back(std::move(problem));
  }

  void refuse_problems() const {
    if (num_problems_ == 0) return;
    std::string text = std::to_string(num_problems_) + " rows can't be used:";
    for (const auto& problem : problems_) text += "\n  " + problem;
    if (num_problems_ > static_cast<int64_t>(kMostShown))
      text +=
          "\n  and " + std::to_string(num_problems_ - static_cast<int64_t>(kMostShown)) + " more";
    throw FileError(path_, kKind, text);
  }

  std::string path_;
  std::string name_;
  PromptRenderer renderer_;
  std::vector<Line> lines_;
  double min_pass_rate_;
  double max_pass_rate_;
  std::optional<EpochOrder> order_;  ///< one of these two
  std::optional<WeightedDraw> draw_;
  std::vector<std::string> skipped_;
  std::vector<std::string> problems_;
  int64_t num_problems_ = 0;
  int64_t num_duplicates_ = 0;
};

}  // namespace

std::unique_ptr<PromptSource> make_file_prompts(const DataConfig& config, PromptRenderer renderer,
                                                uint64_t seed) {
  return std::make_unique<FilePrompts>(config, std::move(renderer), seed);
}

}  // namespace gradus::rollout
