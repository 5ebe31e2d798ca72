// Scores of the reference functions of TRL and open-r1 on our inputs.

#include <map>

#include "base/files/jsonl.h"
#include "base/json.h"
#include "rewards/scores/format_scores.h"
#include "rewards/scores/length_scores.h"
#include "rewards/verify_case.h"
#include "tests/catch.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

bool is_near(const json& a, const json& b) {
  if (a.is_number() && b.is_number())
    return a.get<double>() == Approx(b.get<double>()).margin(1e-9);
  if (!a.is_array() || !b.is_array() || a.size() != b.size()) return a == b;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!is_near(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("scores equal those of the reference functions", "[rewards][parity]") {
  for (const auto& path : tests::fixtures("verify/reward_cases.jsonl")) {
    LineReader reader(path);
    int count = 0;
    while (const auto line = reader.next()) {
      const json item = parse_json(line->text, reader.where());
      const json given = reference_value(item.at("reward"), item.at("input"), reader.where());
      CAPTURE(item.dump(), given.dump());
      CHECK(is_near(given, item.at("expected")));
      ++count;
    }
    CHECK(count > 100);
  }
}

TEST_CASE("format scores hold at their edges", "[rewards][format]") {
  const std::string good = "<think>\na\n</think>\n<answer>\nb\n</answer>";
  CHECK(r1_format_score(good) == 1.0);
  CHECK(r1_format_score(good + "\nmore") == 1.0);
  CHECK(r1_format_score(good + "\nmore", true) == 0.0);
  CHECK(r1_format_score(good + " ") == 0.0);
  CHECK(r1_format_score(" " + good) == 0.0);
  CHECK(r1_format_score("<think>\n\n</think>\n<answer>\n\n</answer>") == 1.0);
  CHECK(r1_format_score("<think>\n</think>\n<answer>\n</answer>") == 0.0);
  CHECK(r1_format_score("") == 0.0);
  CHECK(think_format_score("<think></think>") == 1.0);
  CHECK(think_format_score("<think>a<think></think>") == 0.0);
  CHECK(soft_overlong_score(100, 100, 0) == 0.0);
  CHECK(soft_overlong_score(101, 100, 0) == -1.0);
  CHECK_THROWS(soft_overlong_score(1, 10, 11));
}
