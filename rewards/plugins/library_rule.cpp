// Rule `library`: a shared library that exports the functions of gradus_reward.h. It is loaded in
// isolated worker processes. One sample a call; with batch = true all of a prompt.

#include "base/error.h"
#include "rewards/plugins/plugin_config.h"
#include "rewards/plugins/plugin_rule.h"
#include "rewards/rule_record.h"

namespace gradus::rewards {
namespace {

struct LibraryConfig {
  std::string file;
  bool batch = false;
  nlohmann::json options = nlohmann::json::object();
  PluginConfig plugin;
};

template <class Field>
void describe(LibraryConfig& c, Field&& field) {
  field("file", c.file, non_empty().hint("Write file = \"librule.so\"."), "shared library");
  field("batch", c.batch, any(), "all completions of a prompt in one call");
  field("options", c.options, any(), "handed to gradus_reward_open as JSON");
  describe(c.plugin, field);
}

std::unique_ptr<RewardRule> make_library_rule(const RewardConfig& config) {
  const auto options = read_options<LibraryConfig>(config);
  const auto sandbox = std::make_shared<const sandbox::Sandbox>(options.plugin.isolation);
  const std::string path = plugin_file(options.file, config);
  PluginFiles files;
  files.add(path);
  PluginProgram program;
  program.worker = plugin_worker(options.plugin);
  program.worker.process.command = {"gradus-sandbox", "library"};
  program.worker.process.runs_helper = true;
  program.worker.process.readable.push_back(readable_place_of(path));
  program.worker.load = {{"path", path}, {"batch", options.batch}, {"options", options.options}};
  program.worker.check = [files] { return files.change(); };
  program.unit = options.batch ? PluginUnit::group : PluginUnit::sample;
  program.with_token_ids = true;
  program.version = files.version();
  program.where = path;
  return std::make_unique<PluginRule>(config.display_name(), sandbox, std::move(program),
                                      options.plugin.num_workers);
}

}  // namespace

extern const RewardRuleRecord kLibraryRule{"library", "a shared library of yours",
                                           make_library_rule, options_of<LibraryConfig>};

}  // namespace gradus::rewards
