#include "policy/formats/rope.h"

#include <cmath>

#include "policy/formats/gguf/gguf_rope.h"
#include "tests/catch.h"

using namespace gradus::policy;

TEST_CASE("standard and linear frequencies follow their formula", "[policy][rope]") {
  RopeConfig rope;
  const auto plain = rope_frequencies(rope, 8);
  REQUIRE(plain.inv_freq.size() == 4);
  CHECK(plain.inv_freq[0] == 1.0F);
  CHECK(plain.inv_freq[1] == Approx(0.1F).epsilon(1e-6));
  CHECK(plain.inv_freq[3] == Approx(0.001F).epsilon(1e-6));
  CHECK(plain.attention_factor == 1.0F);
  rope.kind = RopeKind::linear;
  rope.factor = 4.0;
  CHECK(rope_frequencies(rope, 8).inv_freq[1] == plain.inv_freq[1] / 4.0F);
}

TEST_CASE("llama3 scales long waves, keeps short ones and blends between", "[policy][rope]") {
  RopeConfig rope;
  rope.kind = RopeKind::llama3;
  rope.theta = 500000.0;
  rope.factor = 8.0;
  rope.original_max_positions = 8192;
  const auto scaled = rope_frequencies(rope, 128).inv_freq;
  rope.kind = RopeKind::standard;
  const auto plain = rope_frequencies(rope, 128).inv_freq;
  CHECK(scaled[0] == plain[0]);
  CHECK(scaled[63] == plain[63] / 8.0F);
  CHECK((scaled[32] < plain[32] && scaled[32] > plain[32] / 8.0F));
}

TEST_CASE("YaRN has DeepSeek-V3's gains", "[policy][rope]") {
  RopeConfig rope;
  rope.kind = RopeKind::yarn;
  rope.factor = 40.0;
  rope.original_max_positions = 4096;
  CHECK(rope_frequencies(rope, 64).attention_factor == Approx(1.368888F));
  rope.mscale = 1.0;
  rope.mscale_all_dim = 1.0;
  const auto v3 = rope_frequencies(rope, 64);
  CHECK(v3.attention_factor == 1.0F);
  // The ramp runs from dimension 10 to 23.
  rope.kind = RopeKind::standard;
  const auto plain = rope_frequencies(rope, 64).inv_freq;
  CHECK(v3.inv_freq[10] == plain[10]);
  CHECK(v3.inv_freq[11] < plain[11]);
  CHECK(v3.inv_freq[22] > plain[22] / 40.0F * 1.001F);
  CHECK(v3.inv_freq[23] == Approx(plain[23] / 40.0F).epsilon(1e-6));
}

TEST_CASE("llama3 parameters are found again in GGUF's frequency factors", "[policy][rope]") {
  struct Case {
    double theta, factor, low, high;
    int64_t original, dim;
  };
  for (const Case& c : {Case{500000, 8, 1, 4, 8192, 128}, Case{500000, 32, 1, 4, 8192, 64},
                        Case{10000, 8, 1, 4, 64, 8}, Case{10000, 4, 1, 8, 1000, 128},
                        Case{10000, 16, 2, 8, 4096, 128}}) {
    RopeConfig rope;
    rope.kind = RopeKind::llama3;
    rope.theta = c.theta;
    rope.factor = c.factor;
    rope.low_freq_factor = c.low;
    rope.high_freq_factor = c.high;
    rope.original_max_positions = c.original;
    RopeConfig hint;
    hint.theta = c.theta;
    const auto divisors = llama3_divisors(rope, c.dim);
    const auto found = fit_llama3(divisors, hint);
    INFO(c.dim << " " << c.factor);
    REQUIRE(found);
    const auto again = rope_frequencies(*found, c.dim).inv_freq;
    const auto wanted = rope_frequencies(rope, c.dim).inv_freq;
    for (size_t i = 0; i < wanted.size(); ++i) CHECK(again[i] == Approx(wanted[i]).epsilon(1e-5));
  }
  const std::vector<float> nonsense{1.0F, 3.0F, 2.0F, 8.0F};
  CHECK_FALSE(fit_llama3(nonsense, RopeConfig{}));
}
