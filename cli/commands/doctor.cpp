#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/version.h"
#include "cli/cluster/cluster_check.h"
#include "cli/cluster/ranks.h"
#include "cli/commands/command_record.h"
#include "cli/machine.h"

namespace gradus::cli {
namespace {

const char* state_name(Check::State state) {
  switch (state) {
    case Check::State::fine:
      return "fine";
    case Check::State::limited:
      return "limited";
    case Check::State::missing:
      return "missing";
  }
  return "";
}

nlohmann::json as_json(const Machine& machine) {
  nlohmann::json checks = nlohmann::json::array();
  for (const auto& check : machine.checks) {
    checks.push_back({{"name", check.name},
                      {"state", state_name(check.state)},
                      {"found", check.found},
                      {"effect", check.effect},
                      {"remedy", check.remedy}});
  }
  return {{"version", kVersion},
          {"libtorch", machine.libtorch},
          {"cuda_devices", machine.num_gpus},
          {"instruction_set", machine.instruction_set},
          {"threads", machine.threads},
          {"memory_bytes", machine.memory_bytes},
          {"free_memory_bytes", machine.free_memory_bytes},
          {"free_disk_bytes", machine.free_disk_bytes},
          {"checks", checks}};
}

std::string as_text(const Machine& machine) {
  std::string text = fmt::format("gradus {}, LibTorch {}, {} threads\n\n", kVersion,
                                 machine.libtorch, machine.threads);
  for (const auto& check : machine.checks) {
    text += fmt::format("{:<8} {:<16} {}\n", state_name(check.state), check.name, check.found);
    if (check.state == Check::State::fine) continue;
    text += fmt::format("{:<25} {}\n{:<25} mend: {}\n", "", check.effect, "", check.remedy);
  }
  return text;
}

struct DoctorOptions {
  bool as_json = false;
  bool is_of_cluster = false;
};

void look_at_cluster(Session& session) {
  auto place = rl::find_rank_place();
  if (!place || place->size == 1)
    throw ArgumentError(
        "doctor --cluster: looks at several processes: gradus launch -n 2 -- doctor --cluster, or "
        "the same under torchrun, srun or mpirun");
  RankSession own(std::move(place), session);
  own.run({}, [&](const std::shared_ptr<rl::Communicator>& ranks) {
    check_cluster(*ranks, session.out);
  });
}

void declare_doctor(Command app, Session& session) {
  auto options = std::make_shared<DoctorOptions>();
  app.add_flag("--json", options->as_json, "one JSON object");
  app.add_flag("--cluster", options->is_of_cluster,
               "of several processes: who they are, clocks, speed of exchanges");
  app.callback([options, &session] {
    if (options->is_of_cluster) return look_at_cluster(session);
    const Machine machine = look_at_machine();
    session.out << (options->as_json ? dump_json(as_json(machine)) + "\n" : as_text(machine));
  });
}

}  // namespace

extern const CommandRecord kDoctorCommand{
    "", "doctor", "what this machine has and lacks, and the commands that mend it", declare_doctor};

}  // namespace gradus::cli
