// Grader `text_similarity`: the similarity of input to reference, 0 to 1.
//
//   evaluation_metric: fuzzy_match, bleu, gleu, meteor, rouge_1 ... rouge_5, rouge_l, by the
//   formulas of text_similarity.h. `cosine` needs an embedding model and is for evals alone, so it
//   is refused. pass_threshold says what evals call passed; the reward is the similarity itself.

#include <functional>
#include <optional>

#include "rewards/graders/grader_record.h"
#include "rewards/graders/similarity/text_similarity.h"

namespace gradus::rewards::graders {
namespace {

// The common subsequence of two texts of this length takes a tenth of a second.
constexpr size_t kMaxBytes = size_t{128} << 10;

using Metric = std::function<double(std::string_view, std::string_view)>;

const std::vector<std::pair<std::string, Metric>>& metrics() {
  const auto rouge = [](int n) {
    return [n](std::string_view input, std::string_view reference) {
      return rouge_n(input, reference, n);
    };
  };
  static const std::vector<std::pair<std::string, Metric>> metrics{
      {"fuzzy_match", fuzzy_match}, {"bleu", bleu},        {"gleu", gleu},
      {"meteor", meteor},           {"rouge_1", rouge(1)}, {"rouge_2", rouge(2)},
      {"rouge_3", rouge(3)},        {"rouge_4", rouge(4)}, {"rouge_5", rouge(5)},
      {"rouge_l", rouge_l}};
  return metrics;
}

class TextSimilarity final : public Grader {
 public:
  TextSimilarity(std::string name, Template input, Template reference, Metric metric,
                 std::optional<double> pass_threshold)
      : Grader(std::move(name), "text_similarity"),
        input_(std::move(input)),
        reference_(std::move(reference)),
        metric_(std::move(metric)),
        pass_threshold_(pass_threshold) {}

  GraderScore grade(const TemplateValues& values) const override {
    const RenderedText input = input_.render(values);
    const RenderedText reference = reference_.render(values);
    for (const auto* text : {&input, &reference}) {
      if (!text->fault.empty()) {
        return error_score(&GraderErrors::invalid_variable_error, text->fault);
      }
      if (text->text.size() > kMaxBytes) {
        return error_score(&GraderErrors::other_error,
                           "a text of " + std::to_string(text->text.size()) + " bytes; at most " +
                               std::to_string(kMaxBytes) + " are compared");
      }
    }
    GraderScore score = score_of(metric_(input.text, reference.text));
    if (pass_threshold_) score.notes = {{"passed", score.reward >= *pass_threshold_}};
    return score;
  }

 private:
  Template input_;
  Template reference_;
  Metric metric_;
  std::optional<double> pass_threshold_;
};

Metric read_metric(SpecReader& spec) {
  if (spec.value("evaluation_metric") == "cosine") {
    refuse_value(spec.path("evaluation_metric"),
                 "Invalid value: 'cosine'. It compares embeddings and is supported in evals only, "
                 "not as a reward.");
  }
  std::vector<std::string> names;
  for (const auto& [name, metric] : metrics()) names.push_back(name);
  const std::string wanted = spec.choice("evaluation_metric", names);
  for (const auto& [name, metric] : metrics()) {
    if (name == wanted) return metric;
  }
  return fuzzy_match;
}

std::unique_ptr<Grader> make_text_similarity(SpecReader& spec, const std::string& name,
                                             GraderServices&) {
  Template input = spec.text_template("input");
  Template reference = spec.text_template("reference");
  Metric metric = read_metric(spec);
  const auto pass_threshold = spec.optional_number("pass_threshold", 0.0, 1.0);
  spec.finish();
  return std::make_unique<TextSimilarity>(name, std::move(input), std::move(reference),
                                          std::move(metric), pass_threshold);
}

}  // namespace

extern const GraderRecord kTextSimilarityGrader{"text_similarity", make_text_similarity};

}  // namespace gradus::rewards::graders
