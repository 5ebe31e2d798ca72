// The program's answers to cases whose answers other trainers' own code gave (float64).

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/files/jsonl.h"
#include "base/json.h"
#include "rl/algorithms/cases/answer.h"
#include "tests/catch.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::rl;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

struct Counts {
  int right = 0;
  int unsupported = 0;
  int wrong = 0;
};

double largest_in(const json& values) {
  if (values.is_number()) return std::abs(values.get<double>());
  double largest = 0.0;
  if (values.is_array())
    for (const auto& value : values) largest = std::max(largest, largest_in(value));
  return largest;
}

/// Whether all numbers agree, and the shapes.
bool agrees(const json& got, const json& want, double scale) {
  if (want.is_array()) {
    if (!got.is_array() || got.size() != want.size()) return false;
    for (size_t i = 0; i < want.size(); ++i)
      if (!agrees(got[i], want[i], scale)) return false;
    return true;
  }
  if (!got.is_number()) return false;
  const auto w = want.get<double>();
  const double tolerance = 1e-6 * std::abs(w) + 1e-9 * std::min(1.0, scale) + 1e-12;
  return std::abs(got.get<double>() - w) <= tolerance;
}

/// The first field that is wrong; empty: none.
std::string mistake(const json& got, const json& expected) {
  for (const auto& [field, want] : expected.items()) {
    if (field == "metrics") continue;
    if (!got.contains(field) || !agrees(got[field], want, largest_in(want))) return field;
  }
  return "";
}

void answer_all(const fs::path& file, Counts& counts) {
  LineReader lines(file);
  while (const auto line = lines.next()) {
    const json question = parse_json(line->text, lines.where());
    const json answer = answer_case(question, CasePrecision::float64);
    if (answer.contains("unsupported")) {
      ++counts.unsupported;
      continue;
    }
    const std::string wrong = mistake(answer, question["expected"]);
    INFO(question["id"] << ": " << wrong);
    CHECK(wrong.empty());
    (wrong.empty() ? counts.right : counts.wrong) += 1;
  }
}

/// Of one family, over the committed sample and, where it is there, the whole collection.
Counts counts_of(const std::string& family) {
  Counts counts;
  for (const auto& folder : tests::fixtures("algorithms"))
    answer_all(folder / (family + ".jsonl"), counts);
  return counts;
}

}  // namespace

TEST_CASE("every case of these families is answered within its tolerance", "[rl][cases]") {
  for (const char* family : {"preference", "distillation", "reward_model", "shaping", "aggregation",
                             "policy_loss", "mismatch"}) {
    INFO(family);
    const Counts counts = counts_of(family);
    CHECK(counts.unsupported == 0);
    CHECK(counts.right > 0);
  }
}

TEST_CASE("of these families what the program has is answered, the rest said to be unsupported",
          "[rl][cases]") {
  for (const char* family : {"advantages", "kl"}) {
    INFO(family);
    const Counts counts = counts_of(family);
    CHECK(counts.right > 5 * counts.unsupported);
  }
  CHECK(counts_of("value").right == 0);
}

TEST_CASE("a case with an option that nobody knows is unsupported, not answered without it",
          "[rl][cases]") {
  json question{{"id", "x"},
                {"family", "reward_model"},
                {"algorithm", "pair_loss"},
                {"options", {{"center_coef", 0.0}}},
                {"inputs", {{"chosen_rewards", {1.0}}, {"rejected_rewards", {0.0}}}}};
  CHECK(answer_case(question, CasePrecision::float64).contains("loss"));
  CHECK(answer_case(question, CasePrecision::float32).contains("loss"));
  question["options"]["temperature"] = 2.0;
  const json answer = answer_case(question, CasePrecision::float64);
  CHECK(answer["id"] == "x");
  CHECK(answer["unsupported"].get<std::string>().find("temperature") != std::string::npos);
}

TEST_CASE("an answer is never infinite or NaN", "[rl][cases]") {
  const json question{{"id", "x"},
                      {"family", "policy_loss"},
                      {"algorithm", "importance_sampling"},
                      {"options", {{"aggregation", "token_mean"}, {"max_log_ratio", nullptr}}},
                      {"inputs",
                       {{"logprobs", {{0.0}}},
                        {"old_logprobs", {{-2000.0}}},
                        {"advantages", {1.0}},
                        {"mask", {{1}}}}}};
  CHECK(answer_case(question, CasePrecision::float64).contains("unsupported"));
}
