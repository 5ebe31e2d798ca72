#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace gradus::rewards::graders {

/// The error flags of OpenAI's RunGraderResponse, all fourteen.
struct GraderErrors {
  bool formula_parse_error = false;
  bool sample_parse_error = false;           // the sample is not what the grader must read
  bool truncated_observation_error = false;  // the sample ended at its length limit
  bool unresponsive_reward_error = false;    // no answer in time
  bool invalid_variable_error = false;       // a template's field is absent
  bool other_error = false;
  bool python_grader_server_error = false;  // our side of the sandbox
  std::optional<std::string> python_grader_server_error_type;
  bool python_grader_runtime_error = false;  // the user's code
  std::optional<std::string> python_grader_runtime_error_details;
  bool model_grader_server_error = false;
  bool model_grader_refusal_error = false;
  bool model_grader_parse_error = false;
  std::optional<std::string> model_grader_server_error_details;

  bool any() const;
  nlohmann::json to_json() const;

  /// Flags of both; of two texts the first is kept.
  void add(const GraderErrors& other);
};

}  // namespace gradus::rewards::graders
