// Rule `command`: any program that reads lines of JSON from standard input and writes lines of
// JSON to descriptor 3 (or, with replies = "stdout", to standard output).
//
//   it reads    {"nonce": N, "prompt": text, "messages": [...], "completion": text, "row": {...},
//                "num_tokens": n, "truncated": false}
//   it writes   {"nonce": N, "score": number or null, "reason": text, "details": any}
//           or  {"nonce": N, "error": text}
//
// One line for each line, in order, flushed. With batch = true a line holds a prompt's samples,
// {"nonce": N, "contexts": [{prompt, messages, row}], "samples": [{completion, context: 0}]}, and
// the answer is {"nonce": N, "scores": [number, null, ...]}. N is repeated as it came: a line
// without it is no verdict, whatever it says.
//
// The first argument is a file where it looks like a path (`rule.py`): it must be there.
// The command's files (its program, arguments that are files, `files`) make its version, and their
// folders are shown to it. It starts in /tmp, which is its own.

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/ascii.h"
#include "base/error.h"
#include "base/printable.h"
#include "rewards/plugins/plugin_config.h"
#include "rewards/plugins/plugin_rule.h"
#include "rewards/rule_record.h"

namespace gradus::rewards {
namespace {

namespace fs = std::filesystem;

enum class Replies { descriptor, output };

struct CommandConfig {
  std::vector<std::string> command;
  bool batch = false;
  Replies replies = Replies::descriptor;
  std::vector<std::string> files;
  PluginConfig plugin;
};

template <class Field>
void describe(CommandConfig& c, Field&& field) {
  field("command", c.command, any(), "program and arguments, e.g. [\"python3\", \"rule.py\"]");
  field("batch", c.batch, any(), "a line holds all completions of a prompt");
  field("replies", c.replies,
        one_of<Replies>({{"descriptor", Replies::descriptor}, {"stdout", Replies::output}}),
        "where it writes: descriptor 3, or standard output");
  field("files", c.files, any(), "more files that belong to it: shown, and part of its version");
  describe(c.plugin, field);
}

/// The program as an absolute path: as the shell would find it, in the sandbox's PATH first.
std::string find_program(const std::string& name, const RewardConfig& config) {
  if (name.find('/') != std::string::npos) return plugin_file(name, config, "command");
  const char* path = std::getenv("PATH");
  std::istringstream folders(std::string("/usr/local/bin:/usr/bin:/bin:") + (path ? path : ""));
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string file = folder + "/" + name;
    if (!folder.empty() && ::access(file.c_str(), X_OK) == 0) return file;
  }
  throw ConfigError(source_of(config) + ": command: there is no program " + printable(name, 100) +
                    " in PATH");
}

// A script is the first thing that an interpreter is given. Anything behind it may be any word.
bool is_path_of_script(const std::string& argument) {
  const bool is_plain = std::all_of(argument.begin(), argument.end(), [](char c) {
    return (c & 0x80) != 0 || is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("._-/~").find(c) != std::string_view::npos;
  });
  return is_plain && !argument.starts_with('-') && argument.find_first_of("./") < argument.size();
}

bool is_system_file(const std::string& path) {
  return path.rfind("/usr/", 0) == 0 || path.rfind("/bin/", 0) == 0;
}

/// The command with absolute paths, its files, and what it must see.
std::vector<std::string> resolve(const CommandConfig& options, const RewardConfig& config,
                                 PluginFiles& files, std::vector<std::string>& readable) {
  std::vector<std::string> command{find_program(options.command.front(), config)};
  const auto take = [&](const std::string& path) {
    files.add(path);
    if (!is_system_file(path)) readable.push_back(readable_place_of(path));
  };
  take(command.front());
  for (size_t i = 1; i < options.command.size(); ++i) {
    std::error_code ignored;
    const bool is_file = fs::is_regular_file(options.command[i], ignored);
    if (is_file || (i == 1 && is_path_of_script(options.command[i]))) {
      command.push_back(plugin_file(options.command[i], config, "command"));
      take(command.back());
    } else {
      command.push_back(options.command[i]);
    }
  }
  for (const std::string& file : options.files) take(plugin_file(file, config, "files"));
  return command;
}

std::unique_ptr<RewardRule> make_command_rule(const RewardConfig& config) {
  const auto options = read_options<CommandConfig>(config);
  if (options.command.empty()) {
    throw ConfigError(source_of(config) +
                      ": command: is empty, must be a program and its arguments: "
                      "command = [\"python3\", \"rule.py\"]");
  }
  const auto sandbox = std::make_shared<const sandbox::Sandbox>(options.plugin.isolation);
  PluginProgram program;
  program.worker = plugin_worker(options.plugin);
  PluginFiles files;
  program.worker.process.command = resolve(options, config, files, program.worker.process.readable);
  program.worker.process.input = sandbox::Input::requests;
  program.worker.process.replies_on_output = options.replies == Replies::output;
  program.worker.check = [files] { return files.change(); };
  program.unit = options.batch ? PluginUnit::group : PluginUnit::line;
  program.version = files.version();
  program.where = program.worker.process.command.front();
  return std::make_unique<PluginRule>(config.display_name(), sandbox, std::move(program),
                                      options.plugin.num_workers);
}

}  // namespace

extern const RewardRuleRecord kCommandRule{"command",
                                           "a program of yours that answers lines of JSON",
                                           make_command_rule, options_of<CommandConfig>};

}  // namespace gradus::rewards
