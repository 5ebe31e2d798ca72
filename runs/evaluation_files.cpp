#include "runs/evaluation_files.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "base/error.h"
#include "base/files/contained_file.h"
#include "base/files/jsonl.h"
#include "base/json.h"
#include "base/quantity.h"
#include "rl/run/run_directory.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kPrefix = "eval-";
constexpr double kZ95 = 1.959963984540054;

std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string value_text(const json& grade) {
  const auto value = grade.find("value");
  if (value != grade.end() && value->is_number()) return short_number(value->get<double>());
  return grade.value("outcome", "");
}

void add_grade(const std::string& rule, const json& grade, EvaluatedAnswer& answer) {
  const std::string reason = grade.value("reason", "");
  answer.grades.emplace_back(
      rule, reason.empty() ? value_text(grade) : value_text(grade) + " (" + reason + ")");
  const auto details = grade.find("details");
  const bool says_gold =
      details != grade.end() && details->is_object() && details->contains("gold");
  if (!answer.gold.empty() || !says_gold) return;
  answer.gold = text_in(*details, "gold");
  answer.reason = text_in(*details, "verdict");
  if (!reason.empty()) answer.reason += (answer.reason.empty() ? "" : ": ") + reason;
}

EvaluatedAnswer answer_of(const json& sample) {
  EvaluatedAnswer answer;
  answer.completion = sample.at("completion").get<std::string>();
  answer.answer = sample.value("answer", "");
  answer.finish = sample.value("finish", "");
  answer.num_tokens = sample.value("num_tokens", int64_t{0});
  answer.is_right = sample.at("is_right").get<bool>();
  const auto grades = sample.find("grades");
  if (grades != sample.end() && grades->is_object())
    for (const auto& [rule, grade] : grades->items())
      if (grade.is_object()) add_grade(rule, grade, answer);
  if (answer.reason.empty()) answer.reason = sample.value("error", "");
  return answer;
}

EvaluatedProblem problem_of(const json& line) {
  EvaluatedProblem problem;
  problem.set = line.value("set", "");
  problem.id = line.at("id").get<std::string>();
  problem.prompt = line.at("prompt").get<std::string>();
  for (const json& sample : line.at("samples")) problem.answers.push_back(answer_of(sample));
  return problem;
}

fs::path file_of(const fs::path& run, int64_t step) {
  return run / "samples" / (kPrefix + rl::step_name(step) + ".jsonl");
}

}  // namespace

double EvaluatedProblem::share_right() const {
  if (answers.empty()) return 0.0;
  const auto right = std::ranges::count(answers, true, &EvaluatedAnswer::is_right);
  return static_cast<double>(right) / static_cast<double>(answers.size());
}

std::vector<int64_t> evaluation_steps(const fs::path& run) {
  std::vector<int64_t> steps;
  if (!fs::is_directory(run / "samples")) return steps;
  for (const auto& entry : fs::directory_iterator(run / "samples")) {
    const std::string stem = entry.path().stem().string();
    if (!stem.starts_with(kPrefix) || entry.path().extension() != ".jsonl") continue;
    const int64_t step = rl::step_of_name(stem.substr(std::string(kPrefix).size()));
    if (step >= 0) steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

std::vector<EvaluatedProblem> read_evaluation(const fs::path& run, int64_t step) {
  const fs::path path = file_of(run, step);
  check_stays_inside(path);  // it is shown, and the folder may be another's
  std::vector<EvaluatedProblem> problems;
  LineReader lines(path);
  while (const auto line = lines.next()) {
    const json object = parse_json(line->text, lines.where());
    try {
      problems.push_back(problem_of(object));
    } catch (const json::exception& error) {
      throw FileError(lines.where(), "bad_sample", error.what());
    }
  }
  return problems;
}

std::optional<PairedDifference> paired_difference(const std::vector<EvaluatedProblem>& first,
                                                  const std::vector<EvaluatedProblem>& second) {
  std::map<std::tuple<std::string, std::string, std::string>, double> shares;
  for (const auto& problem : first)
    shares[{problem.set, problem.id, problem.prompt}] = problem.share_right();
  PairedDifference paired;
  double sum = 0.0;
  double squares = 0.0;
  for (const auto& problem : second) {
    const auto before = shares.find({problem.set, problem.id, problem.prompt});
    if (before == shares.end()) continue;
    const double d = problem.share_right() - before->second;
    ++paired.num_problems;
    paired.first += before->second;
    paired.second += problem.share_right();
    sum += d;
    squares += d * d;
    paired.num_better += d > 0.0 ? 1 : 0;
    paired.num_worse += d < 0.0 ? 1 : 0;
  }
  if (paired.num_problems == 0) return std::nullopt;
  const auto n = static_cast<double>(paired.num_problems);
  paired.first /= n;
  paired.second /= n;
  paired.difference = sum / n;
  const double m = sum / (n + 2.0);
  const double v = (squares + 1.0) / (n + 2.0) - m * m;
  const double half = kZ95 * std::sqrt(v / (n + 2.0));
  paired.low = std::max(-1.0, m - half);
  paired.high = std::min(1.0, m + half);
  return paired;
}

}  // namespace gradus::runs
