// Adapters as they are now, to sample with: under a name, or as a sampling session of their own.
#include <fmt/format.h>

#include "base/json.h"
#include "service/http/fields.h"
#include "service/tinker/commands/checkpoint_files.h"

namespace gradus::service {
namespace {

struct SamplerWish {
  CheckpointWish checkpoint;
  int64_t number = 0;        ///< of the sampling session
  bool is_inflight = false;  ///< it follows the model's later saves
};

SamplerWish read_save_for_sampler(const nlohmann::json& body) {
  Fields fields(body, "");
  SamplerWish wish;
  wish.checkpoint = read_checkpoint_wish(fields);
  const auto number = fields.integer("sampling_session_seq_id", 0, INT32_MAX);
  wish.is_inflight = fields.choice("kind", {"snapshot", "inflight"}).value_or("") == "inflight";
  fields.finish();
  if (wish.checkpoint.name.empty() && !number)
    throw RequestError("path: is missing, and so is sampling_session_seq_id; give one of them");
  if (!wish.checkpoint.name.empty() && wish.is_inflight)
    throw RequestError("kind: \"inflight\" weights have no path");
  wish.number = number.value_or(0);
  return wish;
}

void check_save_for_sampler(std::string_view body, const ModelFacts& /*facts*/) {
  read_save_for_sampler(parse_json(body, "body"));
}

CommandResult run_save_for_sampler(CommandContext& context) {
  const SamplerWish wish = read_save_for_sampler(body_of(context));
  CommandResult result;
  const auto saved = save_checkpoint(context, wish.checkpoint, "sampler_weights", result);
  if (!wish.checkpoint.name.empty()) {
    result.result = dump_json({{"path", saved.path()}, {"type", "save_weights_for_sampler"}});
    return result;
  }
  Sampler sampler;
  sampler.id = fmt::format("{}:sample:{}", context.model.session, wish.number);
  sampler.project = context.model.project;
  sampler.session = context.model.session;
  sampler.number = wish.number;
  sampler.base = context.model.base;
  sampler.checkpoint = saved.id;
  if (wish.is_inflight) sampler.follows = context.model.id;
  result.effect = [keep = result.effect, sampler, now = context.now](Database& database) {
    keep(database);
    put_sampler(database, sampler, now);
  };
  result.result =
      dump_json({{"sampling_session_id", sampler.id}, {"type", "save_weights_for_sampler"}});
  return result;
}

}  // namespace

extern const TrainingCommand kSaveForSamplerCommand{
    "save_weights_for_sampler", false,      false,
    check_save_for_sampler,     plain_json, run_save_for_sampler};

}  // namespace gradus::service
