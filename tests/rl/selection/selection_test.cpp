#include "rl/selection/selection.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "base/random.h"
#include "rl/selection/pairs.h"
#include "rl/selection/row_filter.h"
#include "rl/selection/shingles.h"
#include "tests/catch.h"

namespace gradus::rl {
namespace {

SampledRow row_of(const std::string& prompt, int64_t index, const std::string& response,
                  double score, int64_t num_tokens = 10) {
  SampledRow row;
  row.prompt = "What is " + prompt + "?";
  row.prompt_id = prompt;
  row.source = "sums";
  row.index = index;
  row.response = response;
  row.finish = "stop";
  row.num_tokens = num_tokens;
  row.reward = score;
  row.scores["accuracy"] = score;
  return row;
}

/// Rows of every kind: right and wrong, cut off, repeating, equal, similar, long and short.
std::vector<SampledRow> some_rows(uint64_t seed) {
  RandomStream random(seed);
  std::vector<SampledRow> rows;
  for (int64_t prompt = 0; prompt < 30; ++prompt) {
    for (int64_t index = 0; index < 6; ++index) {
      std::string response = "<think>";
      const int64_t words = 1 + random.below(30);
      const bool repeats = random.below(8) == 0;
      for (int64_t word = 0; word < words; ++word)
        response += " w" + std::to_string(repeats ? 0 : random.below(6));
      response += "</think> " + std::to_string(random.below(3));
      rows.push_back(row_of(std::to_string(prompt), index, response,
                            random.below(3) > 0 ? 1.0 : 0.0, words + 2));
      if (random.below(10) == 0) rows.back().finish = "length";
      if (random.below(10) == 0) rows.back().reward.reset(), rows.back().scores.clear();
    }
  }
  return rows;
}

std::vector<std::string> texts_of(const std::vector<SampledRow>& rows) {
  std::vector<std::string> texts;
  for (const auto& row : rows) texts.push_back(to_row(row).dump());
  return texts;
}

std::vector<SampledRow> read_back(const std::vector<SampledRow>& rows) {
  std::vector<SampledRow> read;
  for (const auto& row : rows)
    read.push_back(read_sampled_row(nlohmann::ordered_json(to_row(row)), "rows.jsonl"));
  return read;
}

std::vector<SelectionConfig> some_configs() {
  std::vector<SelectionConfig> configs(4);
  configs[1].most = 3;
  configs[1].choose = RowChoice::diverse;
  configs[2].most = 2;
  configs[2].choose = RowChoice::random;
  configs[2].max_pass_rate = 0.9;
  configs[3].most = 0;
  configs[3].think_blocks = ThinkBlocks::one;
  configs[3].length_low = 20.0;
  configs[3].length_high = 70.0;
  return configs;
}

const std::vector<std::string> kEvaluation{"What is 3?", "What is 7?"};

TEST_CASE("selection does not depend on the order of the rows") {
  for (const uint64_t seed : {1, 2, 3}) {
    for (const auto& config : some_configs()) {
      auto rows = some_rows(seed);
      const auto expected = texts_of(select_rows(rows, config, kEvaluation).rows);
      REQUIRE(!expected.empty());
      RandomStream random(seed + 100);
      for (int round = 0; round < 3; ++round) {
        for (size_t i = rows.size() - 1; i > 0; --i)
          std::swap(rows[i], rows[static_cast<size_t>(random.below(static_cast<int64_t>(i + 1)))]);
        CHECK(texts_of(select_rows(rows, config, kEvaluation).rows) == expected);
      }
    }
  }
}

TEST_CASE("what was selected is selected whole when it is given again, through a file too") {
  for (const uint64_t seed : {1, 2, 3}) {
    for (const auto& config : some_configs()) {
      const auto once = select_rows(some_rows(seed), config, kEvaluation);
      const auto twice = select_rows(read_back(once.rows), config, kEvaluation);
      CHECK(texts_of(twice.rows) == texts_of(once.rows));
      CHECK(twice.counts.kept == twice.counts.input);
    }
  }
}

TEST_CASE("every row is counted once: kept, or left out for one reason") {
  for (const auto& config : some_configs()) {
    const auto rows = some_rows(5);
    const auto counts = select_rows(rows, config, kEvaluation).counts;
    int64_t sum = counts.kept;
    for (const auto& [reason, count] : counts.dropped) sum += count;
    CHECK(counts.input == static_cast<int64_t>(rows.size()));
    CHECK(sum == counts.input);
  }
}

TEST_CASE("filters may be applied in any order") {
  SelectionConfig config;
  config.think_blocks = ThinkBlocks::one;
  auto rows = some_rows(4);
  std::ranges::sort(rows, comes_before);
  note_statistics(rows, config);
  std::vector<const RowFilter*> filters(row_filters().records().begin(),
                                        row_filters().records().end());
  const auto apply = [&] {
    auto left = rows;
    for (const RowFilter* filter : filters)
      std::erase_if(left, [&](const SampledRow& row) { return !filter->keeps(row, config); });
    return texts_of(left);
  };
  const auto expected = apply();
  std::ranges::reverse(filters);
  CHECK(apply() == expected);
  std::rotate(filters.begin(), filters.begin() + 3, filters.end());
  CHECK(apply() == expected);
}

TEST_CASE("wrong, cut off and repeating rows are left out, each under its name") {
  std::vector<SampledRow> rows{row_of("1", 0, "one", 1.0), row_of("2", 0, "two", 0.0),
                               row_of("3", 0, "three", 1.0),
                               row_of("4", 0, "a b c d a b c d a b c d a b c d a b c d", 1.0)};
  rows[2].finish = "length";
  const auto selection = select_rows(rows, {}, {});
  std::map<std::string, int64_t> dropped(selection.counts.dropped.begin(),
                                         selection.counts.dropped.end());
  REQUIRE(selection.rows.size() == 1);
  CHECK(selection.rows[0].response == "one");
  CHECK(dropped["wrong"] == 1);
  CHECK(dropped["cut_off"] == 1);
  CHECK(dropped["repetition"] == 1);
}

TEST_CASE("a prompt's pass rate is that of all its samples, and stays with the rows") {
  std::vector<SampledRow> rows;
  for (int64_t i = 0; i < 4; ++i) rows.push_back(row_of("1", i, "r" + std::to_string(i), i < 3));
  for (int64_t i = 0; i < 4; ++i) rows.push_back(row_of("2", i, "s" + std::to_string(i), 1.0));
  SelectionConfig config;
  config.max_pass_rate = 0.9;
  const auto selection = select_rows(rows, config, {});
  REQUIRE(selection.rows.size() == 1);
  CHECK(selection.rows[0].prompt_id == "1");
  CHECK(selection.rows[0].pass_rate == 0.75);
  CHECK(selection.rows[0].num_samples == 4);
}

TEST_CASE("the shortest right row of a prompt is chosen, or one by chance, or those that differ") {
  std::vector<SampledRow> rows{row_of("1", 0, "a b c d e f", 1.0, 6),
                               row_of("1", 1, "a b c d e g", 1.0, 7),
                               row_of("1", 2, "u v w x y z", 1.0, 9)};
  SelectionConfig config;
  config.max_similarity = 1.0;
  CHECK(select_rows(rows, config, {}).rows[0].index == 0);
  config.most = 2;
  config.choose = RowChoice::diverse;
  const auto diverse = select_rows(rows, config, {}).rows;
  REQUIRE(diverse.size() == 2);
  CHECK(diverse[0].index == 0);
  CHECK(diverse[1].index == 2);
  config.choose = RowChoice::random;
  config.most = 1;
  std::map<int64_t, int> chosen;
  for (config.seed = 0; config.seed < 60; ++config.seed)
    ++chosen[select_rows(rows, config, {}).rows[0].index];
  CHECK(chosen.size() == 3);
}

TEST_CASE("texts that differ in a word or two are similar, others are not") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i) + " ";
  std::vector<SampledRow> rows{row_of("1", 0, text, 1.0), row_of("1", 1, text + "more", 1.0),
                               row_of("1", 2, "something else with seven words in it", 1.0),
                               row_of("1", 3, text, 1.0)};
  std::ranges::sort(rows, comes_before);
  CHECK(drop_duplicates(rows) == 1);
  CHECK(drop_similar(rows, 0.8) == 1);
  CHECK(rows.size() == 2);
}

TEST_CASE("rows of problems that are kept for evaluation are left out") {
  std::string problem;
  for (int i = 0; i < 20; ++i) problem += "p" + std::to_string(i) + " ";
  const Contamination evaluation({"What is 12 + 34?", problem}, 13, 8);
  CHECK(evaluation.holds(row_of("12 + 34", 0, "46", 1.0)));
  CHECK_FALSE(evaluation.holds(row_of("112 + 34", 0, "46", 1.0)));
  CHECK_FALSE(evaluation.holds(row_of("12 + 345", 0, "46", 1.0)));
  CHECK(evaluation.holds(row_of("1", 0, "as in " + problem.substr(10) + " and so on", 1.0)));
  CHECK_FALSE(evaluation.holds(row_of("1", 0, "p3 p4 p5 p6 p7", 1.0)));
}

TEST_CASE("a template that all prompts share makes no row a problem of the evaluation") {
  const std::string examples =
      "Question: What is 23 + 45? Answer: 23 + 45 = 68. Question: What is 81 - 37? Answer: 44. ";
  const std::string ask = " Think step by step and write the last line of your answer as a number.";
  const auto prompt = [&](const std::string& sum) {
    return examples + "What is " + sum + "?" + ask;
  };
  const Contamination evaluation({prompt("12 + 34"), prompt("56 + 78")}, 13, 8);
  const auto holds = [&](const std::string& text) {
    SampledRow row = row_of("1", 0, "46", 1.0);
    row.prompt = text;
    return evaluation.holds(row);
  };
  CHECK(holds(prompt("12 + 34")));
  CHECK_FALSE(holds(prompt("12 + 35")));
  CHECK_FALSE(holds("What is 56 + 79?"));
}

TEST_CASE("rows of other programs, without provenance, are judged by what is known of them") {
  const auto json =
      nlohmann::ordered_json::parse(R"({"prompt": "What is 1 + 1?", "response": "2", "extra": 5})");
  const auto row = read_sampled_row(json, "rows.jsonl:1");
  CHECK(row.columns["extra"] == 5);
  CHECK(select_rows({row}, {}, {}).rows.size() == 1);
  const auto chat = nlohmann::ordered_json::parse(
      R"({"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]})");
  const auto answer = read_sampled_row(chat, "rows.jsonl:2");
  CHECK(answer.prompt == "Hi");
  CHECK(answer.response == "Ho");
  CHECK(to_row(answer)["messages"].size() == 2);
  CHECK_THROWS_WITH(read_sampled_row(nlohmann::ordered_json::parse(R"({"text": "x"})"), "rows:3"),
                    Catch::Matchers::StartsWith("rows:3: has neither"));
}

TEST_CASE("a right answer is paired with a wrong one of nearly its length, once") {
  std::vector<SampledRow> rows{
      row_of("1", 0, "right", 1.0, 10), row_of("1", 1, "wrong long", 0.0, 30),
      row_of("1", 2, "wrong", 0.0, 12), row_of("1", 3, "also right", 1.0, 11),
      row_of("2", 0, "alone", 1.0, 10)};
  PairConfig config;
  config.most = 0;
  const auto lines = pair_rows(rows, config, {});
  const auto pair = nlohmann::json::parse(lines);  // one line
  CHECK(pair["chosen"] == "right");
  CHECK(pair["rejected"] == "wrong");
  std::ranges::reverse(rows);
  CHECK(pair_rows(rows, config, {}) == lines);
  config.kind = PairKind::long_to_short;
  CHECK(pair_rows(rows, config, {}).empty());
  rows.push_back(row_of("1", 4, "right at length", 1.0, 25));
  const auto shorter = nlohmann::json::parse(pair_rows(rows, config, {}));
  CHECK(shorter["chosen"] == "right");
  CHECK(shorter["rejected"] == "right at length");
}

}  // namespace
}  // namespace gradus::rl
