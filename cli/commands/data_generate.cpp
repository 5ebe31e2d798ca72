#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/settings/toml_text.h"
#include "cli/commands/command_record.h"
#include "rollout/tasks/generated_task.h"

namespace gradus::cli {
namespace {

struct DataGenerateOptions {
  std::string task;
  int64_t count = 1000;
  int64_t offset = 0;
  uint64_t seed = 0;
  std::vector<std::string> settings;
  std::string out;
  bool wants_list = false;
};

std::string tasks_text() {
  std::string text;
  for (const auto& task : rollout::list_tasks()) {
    text += fmt::format("{}: {}\n", task.name, task.text);
    for (const auto& option : task.options) {
      text += fmt::format("    {:<16} {}\n", option.key, option.text);
    }
  }
  return text;
}

nlohmann::json task_options(const std::vector<std::string>& settings) {
  std::string toml;
  for (const auto& setting : settings) toml += setting + "\n";
  return parse_toml(toml, "--set").values;
}

void check_options(const DataGenerateOptions& options) {
  if (options.task.empty()) throw ArgumentError("--task: must be given; --list shows all tasks");
  if (options.count < 1) {
    throw ArgumentError(fmt::format("--count: is {}, must be >= 1", options.count));
  }
  if (options.offset < 0) {
    throw ArgumentError(fmt::format("--offset: is {}, must be >= 0", options.offset));
  }
}

void write_rows(const DataGenerateOptions& options, std::ostream& out) {
  const auto settings = task_options(options.settings);
  auto row = [&](int64_t i) {
    return dump_json(
        rollout::generate_task(options.task, settings, options.seed, options.offset + i));
  };
  if (options.out.empty() || options.out == "-") {
    for (int64_t i = 0; i < options.count; ++i) out << row(i) << "\n";
    return;
  }
  AtomicFile file(options.out);
  for (int64_t i = 0; i < options.count; ++i) file.write(row(i) + "\n");
  file.commit();
}

void declare_data_generate(Command app, Session& session) {
  auto options = std::make_shared<DataGenerateOptions>();
  app.add_option("--task", options->task, rollout::task_names());
  app.add_option("--count", options->count, "number of rows");
  app.add_option("--offset", options->offset, "index of the first row");
  app.add_option("--seed", options->seed, "same task, options and seed: same rows");
  app.add_option("--set", options->settings, "an option of the task, e.g. max_terms=5").one_each();
  app.add_option("--out", options->out, "JSONL file to write; default: the terminal");
  app.add_flag("--list", options->wants_list, "show all tasks and their options");
  app.callback([options, &session] {
    if (options->wants_list) {
      session.out << tasks_text();
      return;
    }
    check_options(*options);
    write_rows(*options, session.out);
  });
}

}  // namespace

extern const CommandRecord kDataGenerateCommand{
    "data", "generate", "questions made by rule, one JSON object per line: question, answer, ...",
    declare_data_generate};

}  // namespace gradus::cli
