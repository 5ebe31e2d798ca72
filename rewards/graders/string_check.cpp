// Grader `string_check`: 1 or 0.
//
//   eq: input equals reference, ne: it does not; like: input contains reference; ilike: the same
//   with upper and lower case alike. The guides spell ne as neq; both are read.

#include "rewards/graders/grader_record.h"
#include "rewards/profiles/python_text.h"

namespace gradus::rewards::graders {
namespace {

bool holds(const std::string& operation, const std::string& input, const std::string& reference) {
  if (operation == "eq") return input == reference;
  if (operation == "like") return input.find(reference) != std::string::npos;
  if (operation == "ilike") {
    using namespace profiles;
    return contains(lowered(to_text(input)), lowered(to_text(reference)));
  }
  return input != reference;
}

class StringCheck final : public Grader {
 public:
  StringCheck(std::string name, Template input, Template reference, std::string operation)
      : Grader(std::move(name), "string_check"),
        input_(std::move(input)),
        reference_(std::move(reference)),
        operation_(std::move(operation)) {}

  GraderScore grade(const TemplateValues& values) const override {
    const RenderedText input = input_.render(values);
    const RenderedText reference = reference_.render(values);
    for (const auto* text : {&input, &reference}) {
      if (!text->fault.empty()) {
        return error_score(&GraderErrors::invalid_variable_error, text->fault);
      }
    }
    return score_of(holds(operation_, input.text, reference.text) ? 1.0 : 0.0);
  }

 private:
  Template input_;
  Template reference_;
  std::string operation_;
};

std::unique_ptr<Grader> make_string_check(SpecReader& spec, const std::string& name,
                                          GraderServices&) {
  Template input = spec.text_template("input");
  Template reference = spec.text_template("reference");
  const bool is_neq = spec.value("operation") == "neq";
  std::string operation = is_neq ? "ne" : spec.choice("operation", {"eq", "ne", "like", "ilike"});
  spec.finish();
  return std::make_unique<StringCheck>(name, std::move(input), std::move(reference),
                                       std::move(operation));
}

}  // namespace

extern const GraderRecord kStringCheckGrader{"string_check", make_string_check};

}  // namespace gradus::rewards::graders
