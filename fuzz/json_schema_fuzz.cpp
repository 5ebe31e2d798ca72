// JSON Schema: a first line that is a schema or is refused, and a value that is checked against it
// with bounded work, the same way twice.

#include "base/error.h"
#include "base/json.h"
#include "fuzz/target.h"
#include "rewards/scores/json_schema/json_schema.h"

using gradus::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using gradus::rewards::JsonSchema;
  const std::string_view text = gradus::fuzz::text_of(data, size);
  const size_t newline = text.find('\n');
  if (newline == std::string_view::npos) return 0;
  try {
    const auto value = gradus::parse_json(text.substr(newline + 1), "value");
    const JsonSchema schema(gradus::parse_json(text.substr(0, newline), "schema"), true);
    const auto verdict = schema.check(value);
    require(verdict.is_valid || !verdict.reason.empty(), "a refusal says why");
    require(verdict.reason.size() < 2000, "a reason is short");
    const auto again = schema.check(value);
    require(again.is_valid == verdict.is_valid && again.reason == verdict.reason,
            "the same check ends the same way");
  } catch (const gradus::Error& error) {
    require(error.what()[0] != '\0', "a refusal says why");
  }
  return 0;
}
