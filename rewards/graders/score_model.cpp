// Grader `score_model`: a model's number, clamped to `range` (default 0 to 1).
//
//   The reply is asked for as {"result": number}; a lone number is read too. Any other reply
//   ("about 7", 1e999) is a parse error with reward 0, never a guess.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/printable.h"
#include "rewards/graders/grader_record.h"
#include "rewards/graders/model_messages.h"
#include "rewards/reply.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;

std::optional<double> number_in(std::string_view text) {
  const std::string_view plain = trimmed(text);
  double value = 0;
  const auto result = std::from_chars(plain.data(), plain.data() + plain.size(), value);
  const bool is_number = result.ec == std::errc() && result.ptr == plain.data() + plain.size() &&
                         !plain.empty() && std::isfinite(value);
  if (is_number) return value;
  const json object = json_in(plain).value_or(json());
  if (!object.is_object()) return std::nullopt;
  for (const char* key : {"result", "score"}) {
    if (object.contains(key) && object.at(key).is_number()) return object.at(key).get<double>();
  }
  return std::nullopt;
}

json response_format() {
  return {{"type", "json_schema"},
          {"json_schema",
           {{"name", "score"},
            {"strict", true},
            {"schema",
             {{"type", "object"},
              {"properties", {{"result", {{"type", "number"}}}}},
              {"required", {"result"}},
              {"additionalProperties", false}}}}}};
}

class ScoreModel final : public Grader {
 public:
  ScoreModel(std::string name, ModelQuestion question, double low, double high)
      : Grader(std::move(name), "score_model"),
        question_(std::move(question)),
        low_(low),
        high_(high) {}

  GraderScore grade(const TemplateValues& values) const override {
    auto [score, text] = question_.ask(values);
    if (!score.fault.empty()) return score;
    score.notes = {{"reply", printable(text, 500)}};
    const auto value = number_in(text);
    if (!value) {
      score.errors.model_grader_parse_error = true;
      score.fault = "the model's reply is no number: " + printable(text, 200);
      return score;
    }
    score.reward = std::clamp(*value, low_, high_);
    return score;
  }

 private:
  ModelQuestion question_;
  double low_;
  double high_;
};

std::pair<double, double> read_range(SpecReader& spec) {
  const json* range = spec.optional_value("range");
  if (range == nullptr) return {0.0, 1.0};
  const std::string where = spec.path("range");
  if (!range->is_array()) refuse_type(where, "an array of two numbers", *range);
  if (range->size() != 2 || !(*range)[0].is_number() || !(*range)[1].is_number()) {
    refuse_value(where, "Invalid '" + where + "': expected two numbers, [low, high].");
  }
  const double low = (*range)[0].get<double>();
  const double high = (*range)[1].get<double>();
  if (!(low < high)) refuse_value(where, "Invalid '" + where + "': low must be below high.");
  return {low, high};
}

std::unique_ptr<Grader> make_score_model(SpecReader& spec, const std::string& name,
                                         GraderServices& services) {
  ModelRequest request;
  request.model = spec.text("model");
  request.sampling = read_sampling(spec);
  request.response_format = response_format();
  MessageTemplates input(spec);
  const auto [low, high] = read_range(spec);
  spec.finish();
  return std::make_unique<ScoreModel>(
      name, ModelQuestion(std::move(request), std::move(input), services), low, high);
}

}  // namespace

extern const GraderRecord kScoreModelGrader{"score_model", make_score_model};

}  // namespace gradus::rewards::graders
