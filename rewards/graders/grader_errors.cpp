#include "rewards/graders/grader_errors.h"

#include "base/printable.h"

namespace gradus::rewards::graders {
namespace {

nlohmann::json text_or_null(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  return printable(*text, 2000);
}

// Calls fn(key, member) for every field, in the schema's order.
template <class Errors, class Fn>
void for_each_flag(Errors& e, Fn&& fn) {
  fn("formula_parse_error", e.formula_parse_error);
  fn("sample_parse_error", e.sample_parse_error);
  fn("truncated_observation_error", e.truncated_observation_error);
  fn("unresponsive_reward_error", e.unresponsive_reward_error);
  fn("invalid_variable_error", e.invalid_variable_error);
  fn("other_error", e.other_error);
  fn("python_grader_server_error", e.python_grader_server_error);
  fn("python_grader_runtime_error", e.python_grader_runtime_error);
  fn("model_grader_server_error", e.model_grader_server_error);
  fn("model_grader_refusal_error", e.model_grader_refusal_error);
  fn("model_grader_parse_error", e.model_grader_parse_error);
}

}  // namespace

bool GraderErrors::any() const {
  bool is_any = false;
  for_each_flag(*this, [&](const char*, bool flag) { is_any |= flag; });
  return is_any;
}

nlohmann::json GraderErrors::to_json() const {
  nlohmann::json json = nlohmann::json::object();
  for_each_flag(*this, [&](const char* key, bool flag) { json[key] = flag; });
  json["python_grader_server_error_type"] = text_or_null(python_grader_server_error_type);
  json["python_grader_runtime_error_details"] = text_or_null(python_grader_runtime_error_details);
  json["model_grader_server_error_details"] = text_or_null(model_grader_server_error_details);
  return json;
}

void GraderErrors::add(const GraderErrors& other) {
  const nlohmann::json flags = other.to_json();
  for_each_flag(*this, [&](const char* key, bool& flag) { flag |= flags.at(key).get<bool>(); });
  const auto keep_first = [](auto& mine, const auto& theirs) {
    if (!mine) mine = theirs;
  };
  keep_first(python_grader_server_error_type, other.python_grader_server_error_type);
  keep_first(python_grader_runtime_error_details, other.python_grader_runtime_error_details);
  keep_first(model_grader_server_error_details, other.model_grader_server_error_details);
}

}  // namespace gradus::rewards::graders
