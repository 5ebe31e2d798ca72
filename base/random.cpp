#include "base/random.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace gradus {
namespace {

constexpr uint32_t low(uint64_t value) {
  return static_cast<uint32_t>(value);
}
constexpr uint32_t high(uint64_t value) {
  return static_cast<uint32_t>(value >> 32);
}

std::array<uint32_t, 4> mix(std::array<uint32_t, 4> state, uint64_t word) {
  return philox4x32_10(state, {low(word), high(word)});
}

}  // namespace

std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter,
                                      std::array<uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t p0 = uint64_t{0xD2511F53} * counter[0];
    const uint64_t p1 = uint64_t{0xCD9E8D57} * counter[2];
    counter = {high(p1) ^ counter[1] ^ key[0], low(p1), high(p0) ^ counter[3] ^ key[1], low(p0)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xCBF29CE484222325ULL;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3ULL;
  }
  return hash;
}

// Each word of the name is a key that permutes the state left by the words before it: names that
// differ in one word cannot collide, others do so with probability 2^-128.
RandomStream::RandomStream(uint64_t seed, uint64_t step, uint64_t prompt, uint64_t index) {
  std::array<uint32_t, 4> state{0x47726164, 0x75732031, 0, 0};
  for (const uint64_t word : {seed, step, prompt, index}) state = mix(state, word);
  key_ = {state[0], state[1]};
  counter_high_ = {state[2], state[3]};
}

uint64_t RandomStream::next() {
  const uint64_t block = position_ / 2;
  const auto bits =
      philox4x32_10({low(block), high(block), counter_high_[0], counter_high_[1]}, key_);
  const size_t half = (position_ % 2) * 2;
  ++position_;
  return uint64_t{bits[half]} | (uint64_t{bits[half + 1]} << 32);
}

float RandomStream::uniform() {
  return static_cast<float>(next() >> 40) * 0x1p-24F;
}

double RandomStream::uniform_double() {
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

double RandomStream::normal() {
  constexpr double kTwoPi = 6.283185307179586476925;
  const double u = 1.0 - uniform_double();  // (0, 1]: its logarithm is finite
  const double v = uniform_double();
  return std::sqrt(-2.0 * std::log(u)) * std::cos(kTwoPi * v);
}

// Lemire, "Fast random integer generation in an interval" (2019): the low product below
// 2^64 mod n is drawn again, which removes the bias.
int64_t RandomStream::below(int64_t n) {
  if (n < 1)
    throw ArgumentError("RandomStream::below: n is " + std::to_string(n) + ", must be >= 1");
  const auto bound = static_cast<uint64_t>(n);
  const uint64_t threshold = (0 - bound) % bound;
  for (;;) {
    const auto product = static_cast<unsigned __int128>(next()) * bound;
    if (static_cast<uint64_t>(product) >= threshold) return static_cast<int64_t>(product >> 64);
  }
}

}  // namespace gradus
