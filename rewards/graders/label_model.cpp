// Grader `label_model`: 1 when a model's label is one that passes, else 0.
//
//   The reply is asked for as {"label": one of labels}; the label alone is read too, quotes and
//   blanks around it aside. A reply that is no label is a parse error. Only inside a multi grader.

#include <algorithm>
#include <optional>

#include "base/printable.h"
#include "rewards/graders/grader_record.h"
#include "rewards/graders/model_messages.h"
#include "rewards/reply.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string without_dress(std::string_view text) {
  constexpr std::string_view kDress = " \t\r\n\"'`.*";
  const size_t first = text.find_first_not_of(kDress);
  if (first == std::string_view::npos) return {};
  return std::string(text.substr(first, text.find_last_not_of(kDress) + 1 - first));
}

std::optional<std::string> label_in(const std::string& text,
                                    const std::vector<std::string>& labels) {
  if (has(labels, text)) return text;
  const std::string plain = without_dress(text);
  if (has(labels, plain)) return plain;
  const json object = json_in(text).value_or(json());
  if (!object.is_object()) return std::nullopt;
  for (const char* key : {"label", "result"}) {
    if (!object.contains(key) || !object.at(key).is_string()) continue;
    const auto& label = object.at(key).get_ref<const std::string&>();
    if (has(labels, label)) return label;
  }
  return std::nullopt;
}

json response_format(const std::vector<std::string>& labels) {
  return {{"type", "json_schema"},
          {"json_schema",
           {{"name", "label"},
            {"strict", true},
            {"schema",
             {{"type", "object"},
              {"properties", {{"label", {{"type", "string"}, {"enum", labels}}}}},
              {"required", {"label"}},
              {"additionalProperties", false}}}}}};
}

struct Labels {
  std::vector<std::string> all;
  std::vector<std::string> passing;
};

class LabelModel final : public Grader {
 public:
  LabelModel(std::string name, ModelQuestion question, Labels labels)
      : Grader(std::move(name), "label_model"),
        question_(std::move(question)),
        labels_(std::move(labels)) {}

  GraderScore grade(const TemplateValues& values) const override {
    auto [score, text] = question_.ask(values);
    if (!score.fault.empty()) return score;
    const auto label = label_in(text, labels_.all);
    if (!label) {
      score.errors.model_grader_parse_error = true;
      score.fault = "the model's reply is no label: " + printable(text, 200);
      return score;
    }
    score.notes = {{"label", *label}};
    score.reward = has(labels_.passing, *label) ? 1.0 : 0.0;
    return score;
  }

 private:
  ModelQuestion question_;
  Labels labels_;
};

Labels read_labels(SpecReader& spec) {
  Labels labels{spec.texts("labels"), spec.texts("passing_labels")};
  for (const std::string& label : labels.passing) {
    if (has(labels.all, label)) continue;
    const std::string where = spec.path("passing_labels");
    refuse_value(where, "Invalid '" + where + "': '" + printable(label, 100) + "' is not one of '" +
                            spec.path("labels") + "'.");
  }
  return labels;
}

std::unique_ptr<Grader> make_label_model(SpecReader& spec, const std::string& name,
                                         GraderServices& services) {
  ModelRequest request;
  request.model = spec.text("model");
  request.sampling = read_sampling(spec);
  MessageTemplates input(spec);
  Labels labels = read_labels(spec);
  request.response_format = response_format(labels.all);
  spec.finish();
  return std::make_unique<LabelModel>(
      name, ModelQuestion(std::move(request), std::move(input), services), std::move(labels));
}

}  // namespace

extern const GraderRecord kLabelModelGrader{"label_model", make_label_model,
                                            GraderPlace::inside_multi};

}  // namespace gradus::rewards::graders
