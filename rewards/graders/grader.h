#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "rewards/graders/grader_errors.h"
#include "rewards/graders/grader_services.h"
#include "rewards/graders/spec_reader.h"
#include "rewards/graders/template.h"

namespace gradus::rewards::graders {

/// What a grader says of one sample. With an error the reward is 0, as with OpenAI; whether that 0
/// counts is the caller's business.
struct GraderScore {
  double reward = 0;
  GraderErrors errors;
  std::string fault;                          // the first error, for people; empty: none
  std::map<std::string, double> sub_rewards;  // multi: per grader
  std::map<std::string, TokenUsage> usage;    // per model asked
  std::string sampled_model;                  // of a model grader; else empty
  nlohmann::json notes;                       // what the grader saw, for people; or null
};

GraderScore score_of(double reward);

/// A score of 0 with one error flag set.
GraderScore error_score(bool GraderErrors::*flag, std::string fault);

/// A grader in OpenAI's JSON form, read and checked. `grade` may be called from several threads.
class Grader {
 public:
  Grader(std::string name, std::string type) : name_(std::move(name)), type_(std::move(type)) {}
  virtual ~Grader() = default;

  virtual GraderScore grade(const TemplateValues& values) const = 0;

  const std::string& name() const { return name_; }
  const std::string& type() const { return type_; }

 private:
  std::string name_;
  std::string type_;
};

/// Whether a grader stands alone or inside a multi grader: label_model and multi differ.
enum class GraderPlace { top, inside_multi };

/// Makes the grader that `spec` describes: string_check, text_similarity, python, score_model,
/// label_model, multi, endpoint.
///
/// @param services  whom it asks; outlives the grader.
/// @param where     begins the errors' params: "grader".
/// @throws GraderSpecError  in OpenAI's words and codes: unknown or missing fields, wrong types and
///                          values, templates and formulas that cannot be read.
std::unique_ptr<Grader> make_grader(const nlohmann::json& spec, GraderServices& services,
                                    const std::string& where = "grader",
                                    GraderPlace place = GraderPlace::top);

/// OpenAI's RunGraderResponse.
nlohmann::json run_response(const Grader& grader, const GraderScore& score,
                            double execution_time_s);

}  // namespace gradus::rewards::graders
