// The first request of a training model: adapters as training begins with them.
#include "base/json.h"
#include "service/tinker/commands/training_command.h"

namespace gradus::service {
namespace {

void check_nothing(std::string_view /*body*/, const ModelFacts& /*facts*/) {}

CommandResult run_create_model(CommandContext& context) {
  context.state = {};
  context.state.values = context.shared.fresh(context.promise.seed);
  CommandResult result;
  result.result = dump_json({{"model_id", context.model.id}, {"type", "create_model"}});
  return result;
}

}  // namespace

extern const TrainingCommand kCreateModelCommand{"create_model", false,      true,
                                                 check_nothing,  plain_json, run_create_model};

}  // namespace gradus::service
