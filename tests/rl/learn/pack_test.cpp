#include "rl/learn/pack.h"

#include <set>
#include <vector>

#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

using Tokens = std::vector<int32_t>;

PackItem completion(int32_t group, const Tokens& prompt, const Tokens& tokens, int64_t first) {
  PackItem item;
  item.prefix_id = group;
  item.prefix = prompt;
  item.tokens = tokens;
  item.first_token = first;
  return item;
}

void check_covered(const Microbatch& m) {
  int64_t row = 0;
  for (size_t s = 0; s < m.batch.segments.size(); ++s) {
    CHECK(m.batch.segments[s].begin == row);
    CHECK(m.batch.segments[s].length > 0);
    CHECK(m.batch.segments[s].prefix < static_cast<int32_t>(s));
    row += m.batch.segments[s].length;
  }
  CHECK(row == m.batch.num_rows());
  CHECK(m.batch.positions.size() == m.batch.tokens.size());
}

}  // namespace

TEST_CASE("a group is packed with its prompt once and no row that scores nothing", "[rl][pack]") {
  const Tokens prompt{10, 11};
  const Tokens a{20, 21, 22};
  const Tokens b{30};
  const std::vector<PackItem> items{completion(0, prompt, a, 0), completion(0, prompt, b, 3)};
  const auto microbatches = pack(items, 100);
  REQUIRE(microbatches.size() == 1);
  const Microbatch& m = microbatches[0];
  check_covered(m);
  CHECK(m.batch.tokens == std::vector<int64_t>{10, 11, 20, 21});
  CHECK(m.batch.positions == std::vector<int32_t>{0, 1, 2, 3});
  REQUIRE(m.batch.segments.size() == 2);
  CHECK(m.batch.segments[0].prefix == -1);
  CHECK(m.batch.segments[1].prefix == 0);
  // First tokens are scored from the prompt's last row; the last token has no row.
  CHECK(m.scores.rows == std::vector<int64_t>{1, 2, 3, 1});
  CHECK(m.scores.targets == std::vector<int64_t>{20, 21, 22, 30});
  CHECK(m.token == std::vector<int64_t>{0, 1, 2, 3});
  CHECK(m.sequence == std::vector<int64_t>{0, 0, 0, 1});
  CHECK(m.items == std::vector<int32_t>{0, 1});
}

TEST_CASE("a group that does not fit the rest of a microbatch begins the next", "[rl][pack]") {
  const Tokens prompt{1, 2};
  const Tokens tokens{3, 4, 5};
  std::vector<PackItem> items;
  for (int g = 0; g < 2; ++g) {
    for (int i = 0; i < 2; ++i) items.push_back(completion(g, prompt, tokens, 3 * (2 * g + i)));
  }
  // A group has 2 + 2 * 2 rows.
  const auto microbatches = pack(items, 11);
  REQUIRE(microbatches.size() == 2);
  for (const auto& m : microbatches) CHECK(m.batch.num_rows() == 6);
  CHECK(pack(items, 12).size() == 1);
}

TEST_CASE("a group larger than a microbatch is split with its prompt repeated", "[rl][pack]") {
  const Tokens prompt{1, 2};
  const Tokens tokens{3, 4, 5};
  std::vector<PackItem> items;
  for (int i = 0; i < 5; ++i) items.push_back(completion(0, prompt, tokens, 3 * i));
  const auto microbatches = pack(items, 7);
  REQUIRE(microbatches.size() == 3);
  std::multiset<int64_t> scored;
  for (const auto& m : microbatches) {
    check_covered(m);
    CHECK(m.batch.num_rows() <= 7);
    CHECK(m.batch.segments[0].prefix == -1);
    CHECK(m.batch.tokens[0] == 1);
    scored.insert(m.token.begin(), m.token.end());
  }
  CHECK(scored.size() == 15);
  CHECK(std::set<int64_t>(scored.begin(), scored.end()).size() == 15);
}

TEST_CASE("a completion larger than a microbatch goes alone", "[rl][pack]") {
  const Tokens prompt{1, 2};
  const Tokens tokens{3, 4, 5, 6, 7};
  const std::vector<PackItem> items{completion(0, prompt, tokens, 0),
                                    completion(0, prompt, tokens, 5)};
  const auto microbatches = pack(items, 3);
  REQUIRE(microbatches.size() == 2);
  for (const auto& m : microbatches) CHECK(m.batch.num_rows() == 6);
}

TEST_CASE("a text is scored at its targets, its first token never", "[rl][pack]") {
  const Tokens text{5, 6, 7, 8, 9};
  const std::vector<uint8_t> is_target{1, 0, 1, 1, 0};
  PackItem item;
  item.tokens = text;
  item.is_target = is_target;
  CHECK(num_scored(item) == 2);
  const auto microbatches = pack(std::vector{item}, 100);
  REQUIRE(microbatches.size() == 1);
  CHECK(microbatches[0].batch.tokens == std::vector<int64_t>{5, 6, 7});
  CHECK(microbatches[0].scores.rows == std::vector<int64_t>{1, 2});
  CHECK(microbatches[0].scores.targets == std::vector<int64_t>{7, 8});
}

TEST_CASE("items without a scored token are in no microbatch", "[rl][pack]") {
  const Tokens text{5};
  PackItem item;
  item.tokens = text;
  CHECK(pack(std::vector{item, item}, 100).empty());
  CHECK(pack({}, 100).empty());
}
