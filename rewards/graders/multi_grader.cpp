// Grader `multi`: calculate_output over the scores of other graders.
//
//   `graders` is a map of names to graders, a list, or a single grader; the formula's names are the
//   map's keys, or each grader's own `name`. A name that is none of them is refused at once. A
//   grader with an error has the score 0 in the formula, as with OpenAI, and the whole has the
//   error's flag, whether the formula uses it or not; so has a formula without a finite value. No
//   multi inside a multi.

#include <algorithm>

#include "base/printable.h"
#include "rewards/graders/formula.h"
#include "rewards/graders/grader_record.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;

constexpr size_t kMaxGraders = 64;

struct NamedGrader {
  std::string name;
  std::unique_ptr<Grader> grader;
};

class MultiGrader final : public Grader {
 public:
  MultiGrader(std::string name, std::vector<NamedGrader> graders, Formula formula)
      : Grader(std::move(name), "multi"),
        graders_(std::move(graders)),
        formula_(std::move(formula)) {}

  GraderScore grade(const TemplateValues& values) const override {
    GraderScore whole;
    for (const NamedGrader& part : graders_) add(whole, part, part.grader->grade(values));
    std::vector<double> scores;
    for (const std::string& name : formula_.names()) scores.push_back(whole.sub_rewards.at(name));
    const Formula::Result result = formula_.evaluate(scores);
    whole.reward = result.value;
    if (!result.fault.empty()) {
      whole.errors.other_error = true;
      if (whole.fault.empty()) whole.fault = "calculate_output " + result.fault;
    }
    return whole;
  }

 private:
  static void add(GraderScore& whole, const NamedGrader& part, const GraderScore& score) {
    whole.sub_rewards[part.name] = score.reward;
    whole.errors.add(score.errors);
    if (whole.fault.empty() && !score.fault.empty()) {
      whole.fault = printable(part.name, 100) + ": " + score.fault;
    }
    for (const auto& [model, usage] : score.usage) {
      TokenUsage& sum = whole.usage[model];
      sum.prompt_tokens += usage.prompt_tokens;
      sum.completion_tokens += usage.completion_tokens;
      sum.cached_tokens += usage.cached_tokens;
    }
    if (whole.sampled_model.empty()) whole.sampled_model = score.sampled_model;
    if (!score.notes.is_null()) whole.notes[part.name] = score.notes;
  }

  std::vector<NamedGrader> graders_;
  Formula formula_;
};

bool is_one_grader(const json& graders) {
  return graders.is_object() && graders.contains("type") && graders.at("type").is_string();
}

// Places and names of the graders inside.
std::vector<NamedGrader> read_graders(const json& graders, const std::string& where,
                                      GraderServices& services) {
  std::vector<NamedGrader> named;
  const auto add = [&](const json& spec, const std::string& path, const std::string* key) {
    auto grader = make_grader(spec, services, path, GraderPlace::inside_multi);
    std::string name = key != nullptr ? *key : grader->name();
    named.push_back({std::move(name), std::move(grader)});
  };
  if (is_one_grader(graders)) {
    add(graders, where, nullptr);
  } else if (graders.is_array()) {
    for (size_t i = 0; i < graders.size(); ++i) {
      add(graders[i], where + "[" + std::to_string(i) + "]", nullptr);
    }
  } else if (graders.is_object()) {
    for (const auto& [key, spec] : graders.items()) {
      add(spec, where + "." + printable(key, 100), &key);
    }
  } else {
    refuse_type(where, "a map of names to graders", graders);
  }
  return named;
}

void check_graders(const std::vector<NamedGrader>& graders, const std::string& where) {
  if (graders.empty() || graders.size() > kMaxGraders) {
    refuse_value(where, "Invalid '" + where + "': has " + std::to_string(graders.size()) +
                            " graders. Expected 1 to " + std::to_string(kMaxGraders) + ".");
  }
  for (size_t i = 0; i < graders.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (graders[i].name != graders[j].name) continue;
      refuse_value(where, "Invalid '" + where + "': two graders have the name '" +
                              printable(graders[i].name, 100) + "'.");
    }
  }
}

Formula read_formula(const std::string& text, const std::string& where,
                     const std::vector<NamedGrader>& graders) {
  try {
    Formula formula(text);
    std::vector<std::string> known;
    for (const NamedGrader& grader : graders) known.push_back(printable(grader.name, 100));
    for (const std::string& name : formula.names()) {
      if (std::any_of(graders.begin(), graders.end(),
                      [&](const NamedGrader& grader) { return grader.name == name; })) {
        continue;
      }
      refuse_value(where, "Invalid '" + where + "': the formula uses '" + name +
                              "', which is no grader. There are " + quoted_list(known) + ".");
    }
    return formula;
  } catch (const FormulaError& error) {
    refuse_value(where, "Invalid '" + where + "': " + error.what() + ".");
  }
}

std::unique_ptr<Grader> make_multi_grader(SpecReader& spec, const std::string& name,
                                          GraderServices& services) {
  auto graders = read_graders(spec.value("graders"), spec.path("graders"), services);
  check_graders(graders, spec.path("graders"));
  Formula formula =
      read_formula(spec.text("calculate_output"), spec.path("calculate_output"), graders);
  spec.finish();
  return std::make_unique<MultiGrader>(name, std::move(graders), std::move(formula));
}

}  // namespace

extern const GraderRecord kMultiGrader{"multi", make_multi_grader, GraderPlace::top};

}  // namespace gradus::rewards::graders
