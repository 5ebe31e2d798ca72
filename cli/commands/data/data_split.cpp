#include <fmt/format.h>

#include <memory>
#include <ostream>

#include "base/error.h"
#include "base/exact_json.h"
#include "base/files/atomic_file.h"
#include "base/files/jsonl.h"
#include "base/random.h"
#include "cli/commands/command_record.h"
#include "rl/selection/shingles.h"
#include "rollout/prompts/prompt_row.h"

namespace gradus::cli {
namespace {

struct DataSplitOptions {
  std::string in;
  std::vector<std::string> parts;
  uint64_t seed = 0;
};

struct Part {
  double share = 0.0;
  std::unique_ptr<AtomicFile> file;
  int64_t rows = 0;
};

std::vector<Part> parts_of(const DataSplitOptions& options) {
  std::vector<Part> parts;
  double sum = 0.0;
  for (const auto& text : options.parts) {
    const size_t equal = text.rfind('=');
    char* end = nullptr;
    const double share =
        equal == std::string::npos ? 0.0 : std::strtod(text.c_str() + equal + 1, &end);
    if (equal == std::string::npos || equal == 0 || *end != '\0' || share <= 0.0 || share > 1.0)
      throw ArgumentError("--part: is " + text + ", must be FILE=SHARE, e.g. train.jsonl=0.9");
    sum += share;
    parts.push_back({share, std::make_unique<AtomicFile>(text.substr(0, equal)), 0});
  }
  if (parts.size() < 2) throw ArgumentError("--part: must be given twice or more");
  if (sum < 1.0 - 1e-9 || sum > 1.0 + 1e-9)
    throw ArgumentError(fmt::format("--part: the shares add up to {}, must add up to 1", sum));
  return parts;
}

/// By the words of the prompt, so that a question and its repetitions stay on one side.
size_t part_of(const rollout::PromptRow& row, uint64_t seed, const std::vector<Part>& parts) {
  std::string words;
  const std::string text =
      row.chat.messages.is_null() ? row.text : nlohmann::json(row.chat.messages).dump();
  for (const auto& word : rl::comparison_words(text)) words += word + " ";
  const double place = RandomStream(seed, 0, hash_text(words)).uniform_double();
  double end = 0.0;
  for (size_t i = 0; i + 1 < parts.size(); ++i)
    if (place < (end += parts[i].share)) return i;
  return parts.size() - 1;
}

void split(const DataSplitOptions& options, Session& session) {
  auto parts = parts_of(options);
  rollout::RowRules rules;
  rules.as_chat = true;
  LineReader reader(options.in);
  while (const auto line = reader.next()) {
    const auto row = rollout::read_row(parse_exact_json(line->text, reader.where()), rules);
    if (!row.problem.empty()) throw FileError(reader.where(), "bad_row", row.problem);
    Part& part = parts[part_of(row, options.seed, parts)];
    part.file->write(std::string(line->text) + "\n");
    ++part.rows;
  }
  for (auto& part : parts) {
    part.file->commit();
    session.out << fmt::format("{}: {} rows\n", part.file->path().string(), part.rows);
  }
}

void declare_data_split(Command app, Session& session) {
  auto options = std::make_shared<DataSplitOptions>();
  app.add_option("--in", options->in, "JSONL of prompts").required();
  app.add_option("--part", options->parts, "FILE=SHARE, e.g. train.jsonl=0.9; repeatable")
      .required()
      .one_each();
  app.add_option("--seed", options->seed, "another seed, another split");
  app.callback([options, &session] { split(*options, session); });
}

}  // namespace

extern const CommandRecord kDataSplitCommand{
    "data", "split", "deal rows to files; equal questions go to one", declare_data_split};

}  // namespace gradus::cli
