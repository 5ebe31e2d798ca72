// A checkpoint that training goes on from: adapters and the optimizer's moments.
#include <fmt/format.h>

#include "base/json.h"
#include "service/http/fields.h"
#include "service/tinker/commands/checkpoint_files.h"

namespace gradus::service {
namespace {

CheckpointWish read_save_weights(const nlohmann::json& body) {
  Fields fields(body, "");
  CheckpointWish wish = read_checkpoint_wish(fields);
  wish.overwrites = fields.flag("overwrite", false);
  fields.finish();
  return wish;
}

void check_save_weights(std::string_view body, const ModelFacts& /*facts*/) {
  read_save_weights(parse_json(body, "body"));
}

CommandResult run_save_weights(CommandContext& context) {
  CheckpointWish wish = read_save_weights(body_of(context));
  if (wish.name.empty()) wish.name = fmt::format("{:06}", *context.promise.number);
  CommandResult result;
  const auto saved = save_checkpoint(context, wish, "weights", result);
  result.result = dump_json({{"path", saved.path()}, {"type", "save_weights"}});
  return result;
}

}  // namespace

extern const TrainingCommand kSaveWeightsCommand{"save_weights",     false,      false,
                                                 check_save_weights, plain_json, run_save_weights};

}  // namespace gradus::service
