// Rule `json_schema`: the completion, or a part of it, is JSON of the wanted form.
//
//   right 1, no JSON or another form `wrong` 0 (settable); no schema in the row: skipped
//
// The schema stands in the recipe, in a file or in the row. See json_schema.h for the keywords.
// JSON is strict (RFC 8259): duplicate keys, NaN and text behind the value are wrong.

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "base/printable.h"
#include "rewards/rule_record.h"
#include "rewards/rules/part_setting.h"
#include "rewards/rules/reference.h"
#include "rewards/scores/json_schema/json_schema.h"
#include "rewards/scores/words.h"
#include "rewards/simple_rule.h"

namespace gradus::rewards {
namespace {

using nlohmann::json;

constexpr JsonLimits kLimits{64, int64_t{4} << 20};

struct JsonSchemaConfig {
  json schema;
  std::string file;
  std::string column;
  TextPart part = TextPart::answer;
  bool fence = true;
  bool formats = false;
  double right = 1.0;
  double wrong = 0.0;
};

template <class Field>
void describe(JsonSchemaConfig& c, Field&& field) {
  field("schema", c.schema, any(), "the schema as a table, or as JSON text");
  field("file", c.file, any(), "JSON file with the schema");
  field("column", c.column, any(), "column of the data with the row's schema; a.b: inside a");
  describe_part(c.part, field);
  field("fence", c.fence, any(), "the JSON may stand in a ``` block that is all there is");
  field("formats", c.formats, any(), "check `format` (date, uuid, ...) as well");
  field("right", c.right, any(), "reward of JSON of that form");
  field("wrong", c.wrong, any(), "reward of anything else");
}

/// A schema, or why there is none.
struct ReadSchema {
  std::shared_ptr<const JsonSchema> schema;
  std::string fault;
};

ReadSchema read_schema(const json& given, bool formats) {
  try {
    json schema = given;
    if (given.is_string()) schema = parse_json(given.get<std::string>(), "schema", kLimits);
    return {std::make_shared<const JsonSchema>(std::move(schema), formats), ""};
  } catch (const Error& error) {
    // Told where it can be: the recipe's line, or the row's grade.
    return {nullptr, error.what()};
  }
}

std::string_view without_fence(std::string_view text) {
  text = stripped(text);
  const size_t line_end = text.find('\n');
  if (!text.starts_with("```") || line_end == std::string_view::npos) return text;
  if (text.size() < line_end + 4 || !text.ends_with("```")) return text;
  return stripped(text.substr(line_end + 1, text.size() - line_end - 4));
}

Grade wrong(const JsonSchemaConfig& config, const std::string& reason) {
  Grade grade = scored(config.wrong);
  grade.reason = printable(reason, 500);
  return grade;
}

Grade check_text(const RewardInput& input, const JsonSchemaConfig& config,
                 const JsonSchema& schema) {
  const auto part = part_of(input.completion, config.part);
  if (!part) return wrong(config, absence_of(config.part));
  const auto text = config.fence ? without_fence(*part) : *part;
  json value;
  try {
    value = parse_json(text, "the text", kLimits);
  } catch (const FileError& error) {
    return wrong(config, error.what());  // not JSON is an answer, and a wrong one
  }
  const auto verdict = schema.check(value);
  return verdict.is_valid ? scored(config.right) : wrong(config, verdict.reason);
}

Grade grade_row(const RewardInput& input, const JsonSchemaConfig& config) {
  const json* given = value_at(input.row, config.column);
  if (given == nullptr || given->is_null()) {
    return skipped("the row has no column \"" + printable(config.column, 100) + "\"");
  }
  const ReadSchema read = read_schema(*given, config.formats);
  if (!read.schema)
    return failed("column \"" + printable(config.column, 100) + "\": " + read.fault);
  return check_text(input, config, *read.schema);
}

std::unique_ptr<RewardRule> make_json_schema_rule(const RewardConfig& config) {
  const auto options = read_options<JsonSchemaConfig>(config);
  const int num_given = (options.schema.is_null() ? 0 : 1) + (options.file.empty() ? 0 : 1) +
                        (options.column.empty() ? 0 : 1);
  if (num_given != 1) {
    throw ConfigError(source_of(config) + ": schema: give one of schema, file and column");
  }
  if (!options.column.empty()) {
    return std::make_unique<SimpleRule>(config.display_name(), [options](const RewardInput& input) {
      return grade_row(input, options);
    });
  }
  const bool is_file = !options.file.empty();
  const json given = is_file ? json(read_file(options.file, kLimits.max_bytes)) : options.schema;
  const ReadSchema read = read_schema(given, options.formats);
  if (!read.schema) {
    throw ConfigError(source_of(config) + (is_file ? ": file: " : ": schema: ") + read.fault);
  }
  return std::make_unique<SimpleRule>(config.display_name(),
                                      [options, schema = read.schema](const RewardInput& input) {
                                        return check_text(input, options, *schema);
                                      });
}

}  // namespace

extern const RewardRuleRecord kJsonSchemaRule{"json_schema", "JSON of the wanted form",
                                              make_json_schema_rule, options_of<JsonSchemaConfig>};

}  // namespace gradus::rewards
