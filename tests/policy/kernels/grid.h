#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "policy/kernels/isa.h"
#include "policy/kernels/matrix.h"
#include "tests/catch.h"

/// A matrix of either element type with an own row distance, for kernels and their references.
class Grid {
 public:
  using Type = gradus::policy::kernels::Type;

  Grid(int64_t rows, int64_t cols, Type type = Type::f32, int64_t spare = 0)
      : rows_(rows),
        cols_(cols),
        stride_(cols + spare),
        type_(type),
        bytes_(static_cast<size_t>((rows * stride_ + 16) * gradus::policy::kernels::bytes_of(type)),
               std::byte{0x7f}) {}  // spare columns hold what would spoil a sum

  static Grid random(int64_t rows, int64_t cols, unsigned seed, Type type = Type::f32,
                     int64_t spare = 0, float scale = 1.0F) {
    Grid grid(rows, cols, type, spare);
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0.0F, scale);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < cols; ++c) grid.set(r, c, normal(engine));
    }
    return grid;
  }

  double get(int64_t r, int64_t c) const {
    if (type_ == Type::f32) return *reinterpret_cast<const float*>(at(r, c));
    const uint32_t bits = uint32_t{*reinterpret_cast<const uint16_t*>(at(r, c))} << 16;
    float x;
    std::memcpy(&x, &bits, sizeof x);
    return x;
  }
  void set(int64_t r, int64_t c, float x) {
    if (type_ == Type::f32) {
      std::memcpy(at(r, c), &x, 4);
    } else {
      const uint16_t rounded = bf16_of(x);
      std::memcpy(at(r, c), &rounded, 2);
    }
  }
  void fill(float x) {
    for (int64_t r = 0; r < rows_; ++r) {
      for (int64_t c = 0; c < cols_; ++c) set(r, c, x);
    }
  }
  Grid rows(int64_t begin, int64_t count) const {
    Grid part(count, cols_, type_);
    for (int64_t r = 0; r < count; ++r) {
      for (int64_t c = 0; c < cols_; ++c) part.set(r, c, static_cast<float>(get(begin + r, c)));
    }
    return part;
  }
  bool operator==(const Grid& other) const {
    if (rows_ != other.rows_ || cols_ != other.cols_ || type_ != other.type_) return false;
    for (int64_t r = 0; r < rows_; ++r) {
      const auto bytes = static_cast<size_t>(cols_ * gradus::policy::kernels::bytes_of(type_));
      if (std::memcmp(at(r, 0), other.at(r, 0), bytes) != 0) return false;
    }
    return true;
  }

  gradus::policy::kernels::Matrix view() { return {bytes_.data(), type_, rows_, cols_, stride_}; }
  gradus::policy::kernels::ConstMatrix view() const {
    return {bytes_.data(), type_, rows_, cols_, stride_};
  }
  float* floats() { return reinterpret_cast<float*>(bytes_.data()); }
  const float* floats() const { return reinterpret_cast<const float*>(bytes_.data()); }
  int64_t num_rows() const { return rows_; }
  int64_t num_cols() const { return cols_; }
  Type type() const { return type_; }

  static uint16_t bf16_of(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    if (std::isnan(x)) return static_cast<uint16_t>((bits >> 16) | 0x40U);
    return static_cast<uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
  }

 private:
  std::byte* at(int64_t r, int64_t c) {
    return bytes_.data() + (r * stride_ + c) * gradus::policy::kernels::bytes_of(type_);
  }
  const std::byte* at(int64_t r, int64_t c) const { return const_cast<Grid*>(this)->at(r, c); }

  int64_t rows_, cols_, stride_;
  Type type_;
  std::vector<std::byte> bytes_;
};

/// Largest |a - b| / (1 + |b|).
inline double distance(const Grid& a, const Grid& b) {
  REQUIRE(a.num_rows() == b.num_rows());
  REQUIRE(a.num_cols() == b.num_cols());
  double worst = 0;
  for (int64_t r = 0; r < a.num_rows(); ++r) {
    for (int64_t c = 0; c < a.num_cols(); ++c) {
      const double d = std::abs(a.get(r, c) - b.get(r, c)) / (1 + std::abs(b.get(r, c)));
      worst = std::isnan(d) ? HUGE_VAL : std::max(worst, d);
    }
  }
  return worst;
}

/// What bf16 results may be away from exact ones.
inline double tolerance(Grid::Type type, double f32 = 2e-5) {
  return type == Grid::Type::f32 ? f32 : 5e-3;
}

/// Calls fn with every instruction set this processor has, and restores the best.
template <class Fn>
void with_every_instruction_set(Fn fn) {
  for (const std::string& name : gradus::policy::kernels::available_instruction_sets()) {
    INFO("instruction set " << name);
    gradus::policy::kernels::set_instruction_set_for_testing(name.c_str());
    fn();
  }
  gradus::policy::kernels::set_instruction_set_for_testing(nullptr);
}
