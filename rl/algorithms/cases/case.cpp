#include "rl/algorithms/cases/case.h"

#include <fmt/format.h>

#include <cmath>
#include <exception>

#include "base/failure_text.h"
#include "rl/algorithms/cases/answer.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

bool is_finite(const json& value) {
  if (value.is_number_float()) return std::isfinite(value.get<double>());
  if (value.is_structured())
    for (const auto& part : value)
      if (!is_finite(part)) return false;
  return true;
}

json answered(const json& line, at::ScalarType dtype) {
  if (!line.is_object()) throw Unsupported("the line is no object");
  static const json kNothing = json::object();
  const auto object_of = [&](const char* key) -> const json& {
    return line.contains(key) && line[key].is_object() ? line[key] : kNothing;
  };
  const auto family = line.value("family", std::string());
  const CaseFamily* known = case_families().find(family);
  if (known == nullptr) throw Unsupported(fmt::format("there is no family \"{}\"", family));
  Case question{line.value("algorithm", std::string()), CaseOptions(object_of("options")),
                object_of("inputs"), dtype};
  json answer = known->answer(question);
  question.options.refuse_others();
  if (!is_finite(answer)) throw Unsupported("the answer is not finite");
  return answer;
}

}  // namespace

CaseOptions::CaseOptions(const json& options) : options_(options) {}

bool CaseOptions::has(const std::string& key) const {
  return options_.contains(key) && !options_[key].is_null();
}

json CaseOptions::value(const std::string& key) {
  known_.insert(key);
  return has(key) ? options_[key] : json();
}

double CaseOptions::number(const std::string& key, double otherwise) {
  const json given = value(key);
  return given.is_null() ? otherwise : given.get<double>();
}

double CaseOptions::number(const std::string& key) {
  const json given = value(key);
  if (given.is_null()) throw Unsupported(fmt::format("the option {} is not given", key));
  return given.get<double>();
}

std::string CaseOptions::text(const std::string& key, const std::string& otherwise) {
  const json given = value(key);
  return given.is_null() ? otherwise : given.get<std::string>();
}

bool CaseOptions::flag(const std::string& key, bool otherwise) {
  const json given = value(key);
  return given.is_null() ? otherwise : given.get<bool>();
}

void CaseOptions::refuse_others() const {
  for (const auto& [key, value] : options_.items())
    if (!value.is_null() && !known_.contains(key))
      throw Unsupported(fmt::format("the option {} is not known here", key));
}

json answer_case(const json& line, CasePrecision precision) {
  const auto dtype = precision == CasePrecision::float32 ? at::kFloat : at::kDouble;
  json out = json::object();
  for (const char* key : {"id", "family", "algorithm", "variant"})
    if (line.is_object() && line.contains(key)) out[key] = line[key];
  try {
    out.update(answered(line, dtype));
  } catch (const std::exception& error) {
    out["unsupported"] = failure_text(error);
  }
  return out;
}

}  // namespace gradus::rl
