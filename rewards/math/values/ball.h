#pragma once

#include <acb.h>

namespace gradus::rewards::math {

/// A complex number with an error bound (Arb's acb_t) that frees itself.
class Ball {
 public:
  Ball() { acb_init(value_); }
  Ball(const Ball& other) : Ball() { acb_set(value_, other.value_); }
  Ball(Ball&& other) noexcept : Ball() { acb_swap(value_, other.value_); }
  Ball& operator=(const Ball& other) {
    acb_set(value_, other.value_);
    return *this;
  }
  Ball& operator=(Ball&& other) noexcept {
    acb_swap(value_, other.value_);
    return *this;
  }
  ~Ball() { acb_clear(value_); }

  acb_struct* get() { return value_; }
  const acb_struct* get() const { return value_; }
  arb_struct* real() { return acb_realref(value_); }
  const arb_struct* real() const { return acb_realref(value_); }
  const arb_struct* imag() const { return acb_imagref(value_); }

  bool is_finite() const { return acb_is_finite(value_) != 0; }
  bool contains_zero() const { return acb_contains_zero(value_) != 0; }
  /// Whether the imaginary part may be zero.
  bool may_be_real() const { return arb_contains_zero(acb_imagref(value_)) != 0; }

 private:
  acb_t value_;
};

}  // namespace gradus::rewards::math
