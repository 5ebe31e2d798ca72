// Rule `python`: a reward function in a Python file of the user, in one of three forms:
//
//   TRL      def reward(prompts, completions, completion_ids, answer, **kwargs): return [1.0, None]
//   verl     def compute_score(data_source, solution_str, ground_truth, extra_info=None):
//   return 1.0
//            (a number or a dict with `score`; with plural names and a list: its batch form)
//   OpenAI   def grade(sample, item): return 1.0
//
// `form = "auto"` tells them by the names of the parameters. None skips a completion.
// TRL: one value per completion; the data's columns arrive as lists by keyword, a function without
// **kwargs gets those it names. Where the row has chat messages, prompts are lists of messages and
// completions one-message lists of the assistant. Coroutines run to their end.
// verl: ground_truth is the row's reward_model.ground_truth, ground_truth or answer.
// OpenAI: sample has output_text, output_json (where the text is JSON), choices; item is the row.
// Each call runs in a process of its own, as a grader may run what the model wrote.
//
// The function runs in isolated worker processes (plugin_rule.h, sandbox/): what it does to its
// process, its output or its time never reaches the trainer, and each way of failing is a reason.

#include "base/error.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "rewards/plugins/plugin_config.h"
#include "rewards/plugins/plugin_rule.h"
#include "rewards/plugins/python_interpreter.h"
#include "rewards/plugins/python_worker.h"
#include "rewards/plugins/python_worker_script.h"
#include "rewards/rule_record.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

enum class PythonForm { automatic, trl, verl, verl_batch, openai };

struct PythonConfig {
  std::string file;
  PythonForm form = PythonForm::automatic;
  std::string interpreter = "python3";
  PluginConfig plugin;
};

template <class Field>
void describe(PythonConfig& c, Field&& field) {
  field("file", c.file, non_empty().hint("Write file = \"rewards.py:function\"."),
        "FILE.py:FUNCTION");
  field("form", c.form,
        one_of<PythonForm>({{"auto", PythonForm::automatic},
                            {"trl", PythonForm::trl},
                            {"verl", PythonForm::verl},
                            {"verl_batch", PythonForm::verl_batch},
                            {"openai", PythonForm::openai}}),
        "how the function is called; auto: told by the names of its parameters");
  field("interpreter", c.interpreter, non_empty(), "Python program");
  describe(c.plugin, field);
}

const char* form_name(PythonForm form) {
  switch (form) {
    case PythonForm::trl:
      return "trl";
    case PythonForm::verl:
      return "verl";
    case PythonForm::verl_batch:
      return "verl_batch";
    case PythonForm::openai:
      return "openai";
    case PythonForm::automatic:
      break;
  }
  return "auto";
}

// TRL hands over every column but those it gives under other names.
bool is_given_otherwise(const std::string& column) {
  return column == "prompt" || column == "prompts" || column == "completion" ||
         column == "completions" || column == "completion_ids";
}

json columns_of(std::span<const RewardInput> group) {
  json columns = json::object();
  for (size_t i = 0; i < group.size(); ++i) {
    if (group[i].row == nullptr || !group[i].row->is_object()) continue;
    for (const auto& [name, value] : group[i].row->items()) {
      if (is_given_otherwise(name)) continue;
      json& column = columns[name];
      if (column.is_null()) column = json::array();
      while (column.size() < i) column.push_back(nullptr);
      column.push_back(value);
    }
  }
  for (auto& column : columns) {
    while (column.size() < group.size()) column.push_back(nullptr);
  }
  return columns;
}

json trl_request(std::span<const RewardInput> group) {
  json prompts = json::array();
  json completions = json::array();
  json ids = json::array();
  for (const RewardInput& input : group) {
    const json text = std::string(input.completion);
    if (input.messages != nullptr) {
      prompts.push_back(*input.messages);
      completions.push_back(json::array({{{"role", "assistant"}, {"content", text}}}));
    } else {
      prompts.push_back(std::string(input.prompt));
      completions.push_back(text);
    }
    ids.push_back(std::vector<int32_t>(input.completion_ids.begin(), input.completion_ids.end()));
  }
  return {{"prompts", std::move(prompts)},
          {"completions", std::move(completions)},
          {"completion_ids", std::move(ids)},
          {"columns", columns_of(group)}};
}

void settle_form(PluginProgram& program, const json& loaded) {
  const std::string form = loaded.value("form", "trl");
  program.unit = form == "trl" || form == "verl_batch" ? PluginUnit::group : PluginUnit::sample;
  if (form == "trl") program.group_request = trl_request;
}

PluginProgram program_of(const RewardConfig& config, const PythonConfig& options,
                         sandbox::Rung rung) {
  const auto colon = options.file.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == options.file.size()) {
    throw ConfigError(source_of(config) + ": file: is \"" + printable(options.file, 200) +
                      "\", must be FILE.py:FUNCTION");
  }
  const std::string path = plugin_file(options.file.substr(0, colon), config);
  const std::string function = options.file.substr(colon + 1);
  const std::string source = file_bytes(path);
  PluginProgram program;
  program.worker = python_program(options.interpreter, options.plugin);
  program.worker.process.readable.push_back(readable_place_of(path));
  program.worker.load = {{"path", path},
                         {"source", source},
                         {"function", function},
                         {"form", form_name(options.form)},
                         {"owns_namespace", rung == sandbox::Rung::namespaces}};
  program.on_loaded = settle_form;
  program.version = "sha256:" + sha256(source);
  program.where = path + ":" + function;
  return program;
}

std::unique_ptr<RewardRule> make_python_rule(const RewardConfig& config) {
  const auto options = read_options<PythonConfig>(config);
  const auto sandbox = std::make_shared<const sandbox::Sandbox>(options.plugin.isolation);
  return std::make_unique<PluginRule>(config.display_name(), sandbox,
                                      program_of(config, options, sandbox->rung()),
                                      options.plugin.num_workers);
}

}  // namespace

WorkerProgram python_program(const std::string& interpreter, const PluginConfig& config) {
  const PythonInterpreter python = find_python(interpreter);
  WorkerProgram program = plugin_worker(config);
  program.process.command = {python.program, "-c", kPythonWorkerScript};
  program.process.input = sandbox::Input::empty;
  auto& readable = program.process.readable;
  readable.insert(readable.end(), python.readable.begin(), python.readable.end());
  std::string search_path;
  for (const std::string& path : python.search_path) {
    search_path += (search_path.empty() ? "" : ":") + path;
  }
  program.process.environment.emplace_back("PYTHONPATH", search_path);
  return program;
}

extern const RewardRuleRecord kPythonRule{
    "python", "a function of yours in a Python file (TRL's, verl's or OpenAI's form)",
    make_python_rule, options_of<PythonConfig>};

}  // namespace gradus::rewards
