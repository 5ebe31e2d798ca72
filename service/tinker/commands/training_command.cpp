#include "service/tinker/commands/training_command.h"

#include "base/json.h"
#include "service/http/fields.h"

namespace gradus::service {

#define GRADUS_RECORD(command) extern const TrainingCommand command;
#include "service/tinker/commands/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const TrainingCommand* kTrainingCommands[] = {
#define GRADUS_RECORD(command) &command,
#include "service/tinker/commands/records.inc"
#undef GRADUS_RECORD
};

constexpr int64_t kLeastTtl_s = 3600;
constexpr int64_t kMostTtl_s = 315360000;
constexpr size_t kMostMetadata = 16384;

}  // namespace

const TrainingCommand* find_training_command(std::string_view name) {
  for (const TrainingCommand* command : kTrainingCommands)
    if (command->name == name) return command;
  return nullptr;
}

std::string plain_json(std::string_view body) {
  return dump_json(parse_json(body, "body"));
}

nlohmann::json body_of(const CommandContext& context) {
  return parse_json(context.promise.body, "body");
}

int64_t read_ttl(Fields& fields) {
  return fields.integer("ttl_seconds", kLeastTtl_s, kMostTtl_s).value_or(0);
}

int64_t expiry_of(int64_t ttl_s, int64_t now) {
  return ttl_s > 0 ? now + ttl_s : 0;
}

nlohmann::json read_user_metadata(Fields& fields) {
  const auto* metadata = fields.find("user_metadata");
  if (metadata == nullptr) return nullptr;
  if (!metadata->is_object())
    refuse_field_type(fields.path("user_metadata"), "an object", *metadata);
  if (dump_json(*metadata).size() > kMostMetadata)
    refuse_field(fields.path("user_metadata"), "has more than 16 KiB");
  return *metadata;
}

}  // namespace gradus::service
