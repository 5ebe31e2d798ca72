#include "base/random.h"

#include <cmath>
#include <set>
#include <vector>

#include "base/error.h"
#include "tests/catch.h"

using namespace gradus;

TEST_CASE("Philox4x32-10 gives the known answers of its authors", "[base][random]") {
  using Block = std::array<uint32_t, 4>;
  CHECK(philox4x32_10({0, 0, 0, 0}, {0, 0}) ==
        Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint32_t f = 0xffffffff;
  CHECK(philox4x32_10({f, f, f, f}, {f, f}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(philox4x32_10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream goes on from a noted position", "[base][random]") {
  RandomStream stream(7, 1, 2, 3);
  std::vector<uint64_t> draws;
  for (int i = 0; i < 9; ++i) draws.push_back(stream.next());
  for (uint64_t i = 0; i < 9; ++i) {
    RandomStream again(7, 1, 2, 3);
    again.set_position(i);
    CHECK(again.next() == draws[i]);
    CHECK(again.position() == i + 1);
  }
}

TEST_CASE("streams of different names differ", "[base][random]") {
  std::set<uint64_t> first;
  int count = 0;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    for (uint64_t step = 0; step < 6; ++step) {
      for (uint64_t prompt = 0; prompt < 6; ++prompt) {
        for (uint64_t index = 0; index < 6; ++index, ++count) {
          first.insert(RandomStream(seed, step, prompt, index).next());
        }
      }
    }
  }
  CHECK(static_cast<int>(first.size()) == count);
}

TEST_CASE("draws have the moments of their distributions", "[base][random]") {
  RandomStream stream(1);
  double sum = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  std::array<int, 3> counts{};
  const int n = 30000;
  for (int i = 0; i < n; ++i) {
    const float u = stream.uniform();
    CHECK((u >= 0.0F && u < 1.0F));
    sum += u;
    const double z = stream.normal();
    normal_sum += z;
    normal_squares += z * z;
    ++counts[static_cast<size_t>(stream.below(3))];
  }
  CHECK(sum / n == Approx(0.5).margin(0.01));
  CHECK(normal_sum / n == Approx(0.0).margin(0.03));
  CHECK(normal_squares / n == Approx(1.0).margin(0.04));
  for (const int c : counts) CHECK(c == Approx(n / 3.0).margin(400));
  CHECK(stream.below(1) == 0);
  CHECK_THROWS_AS(stream.below(0), ArgumentError);
}

TEST_CASE("text hashes are FNV-1a on every machine", "[base][random]") {
  CHECK(hash_text("") == 0xcbf29ce484222325ULL);
  CHECK(hash_text("a") == 0xaf63dc4c8601ec8cULL);
  CHECK(hash_text("foobar") == 0x85944171f73967e8ULL);
}
