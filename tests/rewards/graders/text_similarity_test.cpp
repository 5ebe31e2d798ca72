#include "rewards/graders/similarity/text_similarity.h"

#include "base/files/jsonl.h"
#include "base/json.h"
#include "rewards/graders/similarity/porter_stemmer.h"
#include "rewards/graders/similarity/word_tokens.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rewards::graders;

namespace {

double score_of(const std::string& metric, const std::string& input, const std::string& reference) {
  if (metric == "fuzzy_match") return fuzzy_match(input, reference);
  if (metric == "bleu") return bleu(input, reference);
  if (metric == "gleu") return gleu(input, reference);
  if (metric == "meteor") return meteor(input, reference);
  if (metric == "rouge_l") return rouge_l(input, reference);
  return rouge_n(input, reference, metric.back() - '0');
}

std::string stem(const std::string& word) {
  using namespace gradus::rewards::profiles;
  return to_utf8(porter_stem(to_text(word)));
}

}  // namespace

TEST_CASE("similarities equal those of the reference libraries",
          "[rewards][graders][similarity][parity]") {
  LineReader reader(GRADUS_SOURCE_DIR "/tests/rewards/cases/similarity_cases.jsonl");
  int num_scores = 0;
  while (const auto line = reader.next()) {
    const auto item = parse_json(line->text, reader.where());
    for (const auto& [metric, expected] : item.at("scores").items()) {
      const double given = score_of(metric, item.at("input"), item.at("reference"));
      INFO(metric << " of " << item.at("input") << " and " << item.at("reference"));
      CHECK(given == Approx(expected.get<double>()).margin(1e-12));
      ++num_scores;
    }
  }
  CHECK(num_scores > 500);
}

TEST_CASE("common subsequences past one machine word are right", "[rewards][graders][similarity]") {
  const std::u32string a(200, U'a');
  std::u32string b;
  for (int i = 0; i < 300; ++i) b += i % 2 == 0 ? U'a' : U'b';
  CHECK(common_subsequence(a, b) == 150);
  CHECK(common_subsequence(b, a) == 150);
  std::u32string c;
  for (int i = 0; i < 130; ++i) c += static_cast<char32_t>(1000 + i);
  std::u32string reversed(c.rbegin(), c.rend());
  CHECK(common_subsequence(c, reversed) == 1);
  CHECK(common_subsequence(c, U"x" + c.substr(0, 100) + U"y" + c.substr(100)) == 130);
  CHECK(common_subsequence(U"", c) == 0);
}

TEST_CASE("words are stemmed as Porter's algorithm does", "[rewards][graders][similarity]") {
  CHECK(stem("caresses") == "caress");
  CHECK(stem("relational") == "relat");
  CHECK(stem("hopping") == "hop");
  CHECK(stem("filing") == "file");
  CHECK(stem("happily") == "happili");
  CHECK(stem("dies") == "die");
  CHECK(stem("skies") == "sky");
  CHECK(stem("geology") == "geolog");
  CHECK(stem("controlling") == "control");
  CHECK(stem("is") == "is");
}
