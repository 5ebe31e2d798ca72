#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gradus {

/// The Philox4x32-10 bijection: a 128-bit counter and a 64-bit key give 128 random bits.
/// Source: Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011).
std::array<uint32_t, 4> philox4x32_10(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A stable 64-bit hash of bytes (FNV-1a): the same on every machine and in every version.
uint64_t hash_text(std::string_view text);

/// One independent stream of random numbers per (seed, step, prompt, index).
///
/// The whole state is (name, position): a stream can be made anywhere, in any order, by any
/// number of workers, and set back to a noted position. Different names give independent streams
/// (the name selects a Philox key and the upper half of its counter, 128 bits together).
/// A value; not for use by several threads at once.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed, uint64_t step = 0, uint64_t prompt = 0, uint64_t index = 0);

  /// 64 random bits; advances the position by one, as does every draw below unless stated.
  uint64_t next();

  /// Uniform on [0, 1), a multiple of 2^-24.
  float uniform();
  /// Uniform on [0, 1), a multiple of 2^-53.
  double uniform_double();
  /// Standard normal (Box-Muller, one value a call); advances by two.
  double normal();
  /// Uniform on {0, ..., n - 1} without bias; n >= 1. Advances by one, rarely by more.
  /// @throws ArgumentError  n < 1.
  int64_t below(int64_t n);

  /// Number of 64-bit draws so far.
  uint64_t position() const { return position_; }
  void set_position(uint64_t position) { position_ = position; }

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 2> counter_high_;
  uint64_t position_ = 0;
};

}  // namespace gradus
