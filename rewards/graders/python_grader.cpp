// Grader `python`: what the source's grade(sample, item) returns.
//
//   The source runs in a sandbox, never here. An exception, a value that is no finite number and
//   a run past its limits are errors; the reward is then 0.

#include "rewards/graders/grader_record.h"

namespace gradus::rewards::graders {
namespace {

constexpr size_t kMaxSourceBytes = 256 * 1024 - 1;  // "less than 256 kB"

class PythonGrader final : public Grader {
 public:
  PythonGrader(std::string name, std::string source, GraderServices& services)
      : Grader(std::move(name), "python"), source_(std::move(source)), services_(services) {}

  GraderScore grade(const TemplateValues& values) const override {
    const PythonReply reply = services_.run_python(source_, values.sample, values.item);
    switch (reply.outcome) {
      case AskOutcome::answered:
        return score_of(reply.value);
      case AskOutcome::timed_out: {
        GraderScore score = error_score(&GraderErrors::unresponsive_reward_error,
                                        "grade() was stopped: " + reply.details);
        score.errors.python_grader_runtime_error = true;
        score.errors.python_grader_runtime_error_details = reply.details;
        return score;
      }
      case AskOutcome::broken: {
        GraderScore score = error_score(&GraderErrors::python_grader_runtime_error, reply.details);
        score.errors.python_grader_runtime_error_details = reply.details;
        return score;
      }
      default: {
        GraderScore score = error_score(&GraderErrors::python_grader_server_error, reply.details);
        score.errors.python_grader_server_error_type = "sandbox_unavailable";
        return score;
      }
    }
  }

 private:
  std::string source_;
  GraderServices& services_;
};

std::unique_ptr<Grader> make_python_grader(SpecReader& spec, const std::string& name,
                                           GraderServices& services) {
  std::string source = spec.text("source");
  if (source.size() > kMaxSourceBytes) {
    throw GraderSpecError(spec.path("source"), "string_above_max_length",
                          "Invalid '" + spec.path("source") +
                              "': string too long. Expected a string with maximum length " +
                              std::to_string(kMaxSourceBytes) + ", but got a string with length " +
                              std::to_string(source.size()) + " instead.");
  }
  if (source.find("grade") == std::string::npos) {
    refuse_value(spec.path("source"),
                 "Invalid '" + spec.path("source") +
                     "': the source does not define a function grade(sample, item).");
  }
  // Which image OpenAI would take; ours has one interpreter.
  spec.optional_text("image_tag");
  spec.finish();
  return std::make_unique<PythonGrader>(name, std::move(source), services);
}

}  // namespace

extern const GraderRecord kPythonGrader{"python", make_python_grader};

}  // namespace gradus::rewards::graders
