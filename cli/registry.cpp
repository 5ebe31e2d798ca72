#include "cli/registry.h"

#include <map>
#include <string>

#include "cli/commands/command_record.h"

namespace gradus::cli {

#define GRADUS_RECORD(command) extern const CommandRecord command;
#include "cli/commands/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const CommandRecord* kCommands[] = {
#define GRADUS_RECORD(command) &command,
#include "cli/commands/records.inc"
#undef GRADUS_RECORD
};

const std::map<std::string, std::string>& group_texts() {
  static const std::map<std::string, std::string> texts{
      {"model", "look into, convert and join checkpoints"},
      {"runs", "look at what training left behind"},
      {"rl", "the algorithms by themselves"},
      {"data", "prompts"},
      {"rewards", "reward rules"},
      {"keys", "who may use the service"},
      {"help", "what can be set"},
  };
  return texts;
}

}  // namespace

void add_commands(Command root, Session& session) {
  std::map<std::string, Command> groups{{"", root}};
  for (const CommandRecord* record : kCommands) {
    auto group = groups.find(record->group);
    if (group == groups.end()) {
      Command command = root.add_subcommand(record->group, group_texts().at(record->group));
      command.require_subcommand();
      group = groups.emplace(record->group, command).first;
    }
    const Command command = group->second.add_subcommand(record->name, record->text);
    if (*record->group == '\0') groups.emplace(record->name, command);  // it may have some itself
    record->declare(command, session);
  }
}

}  // namespace gradus::cli
