#include "service/api/openai/response_format.h"

#include <nlohmann/json.hpp>

#include "service/grammar/json_grammar.h"
#include "service/grammar/token_mask.h"

namespace gradus::service {
namespace {

Grammar read_json_schema(Fields& format) {
  Fields inner(format.need("json_schema"), "response_format.json_schema");
  inner.text("name", 64);
  const auto& schema = inner.need("schema");
  inner.pass_over({"strict", "description"});
  inner.finish();
  return grammar_of_json_schema(nlohmann::ordered_json::parse(schema.dump()));
}

Grammar read_form(Fields& format, const std::string& type) {
  if (type == "json_object") return grammar_of_json_object();
  if (type == "json_schema") return read_json_schema(format);
  return grammar_of_regex(format.text("regex", 65536));
}

}  // namespace

std::shared_ptr<rollout::LogitEditor> read_response_format(Fields& fields,
                                                           const LoadedModel& model) {
  const auto* value = fields.find("response_format");
  if (value == nullptr) return nullptr;
  Fields format(*value, "response_format");
  format.need("type");
  const std::string type = *format.choice("type", {"text", "json_object", "json_schema", "regex"});
  if (type == "text") return nullptr;
  try {
    return std::make_shared<GrammarEditor>(read_form(format, type), model.token_tree());
  } catch (const GrammarError& error) {
    throw HttpError(400, std::string("Invalid 'response_format': ") + error.what() + ".",
                    "invalid_value", "response_format");
  }
}

}  // namespace gradus::service
