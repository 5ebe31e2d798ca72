// Rule `lua`: a function in a Lua 5.4 file of the user.
//
//   function reward(sample) return 1.0 end      nil skips; a second value is the reason
//
// sample has prompt, messages, completion, completion_ids, num_tokens, truncated and row (JSON
// null is nil). With batch = true the function gets the list of a prompt's samples and returns a
// list of numbers; there nil cannot stand in the middle of a list and fails.
// string, table, math, utf8 and coroutine are there; files, programs, time, chance and bytecode are
// not. Work is counted in instructions, so that the same input is stopped at the same place on
// every machine; the time limit stands behind that for what one instruction can do (patterns).

#include <filesystem>

#include "base/error.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "rewards/plugins/plugin_config.h"
#include "rewards/plugins/plugin_rule.h"
#include "rewards/rule_record.h"

namespace gradus::rewards {
namespace {

struct LuaConfig {
  std::string file;
  std::string function = "reward";
  bool batch = false;
  int64_t max_instructions = 100'000'000;
  PluginConfig plugin;
};

template <class Field>
void describe(LuaConfig& c, Field&& field) {
  field("file", c.file, non_empty().hint("Write file = \"rule.lua\"."), "FILE.lua");
  field("function", c.function, non_empty(), "global function of the file");
  field("batch", c.batch, any(), "the function takes a list of samples and returns a list");
  field("max_instructions", c.max_instructions, at_least(1'000'000),
        "instructions of Lua in one call");
  describe(c.plugin, field);
}

std::unique_ptr<RewardRule> make_lua_rule(const RewardConfig& config) {
  const auto options = read_options<LuaConfig>(config);
  const auto sandbox = std::make_shared<const sandbox::Sandbox>(options.plugin.isolation);
  const std::string path = plugin_file(options.file, config);
  const std::string source = file_bytes(path);
  PluginProgram program;
  program.worker = plugin_worker(options.plugin);
  program.worker.process.command = {"gradus-sandbox", "lua"};
  program.worker.process.runs_helper = true;
  // Half of the process's memory: a request and its tables are in it at once.
  program.worker.load = {
      {"source", source},
      {"name", std::filesystem::path(path).filename().string()},
      {"function", options.function},
      {"batch", options.batch},
      {"max_instructions", options.max_instructions},
      {"memory_bytes", (static_cast<int64_t>(options.plugin.memory_mb) << 20) / 2}};
  program.unit = options.batch ? PluginUnit::group : PluginUnit::sample;
  program.with_token_ids = true;
  program.version = "sha256:" + sha256(source);
  program.where = path + ":" + options.function;
  return std::make_unique<PluginRule>(config.display_name(), sandbox, std::move(program),
                                      options.plugin.num_workers);
}

}  // namespace

extern const RewardRuleRecord kLuaRule{"lua", "a function of yours in a Lua file", make_lua_rule,
                                       options_of<LuaConfig>};

}  // namespace gradus::rewards
