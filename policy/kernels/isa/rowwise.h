#pragma once

// Loops over one row: norms, rotary positions, gates, conversion. Needs exp.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

void convert(const void* x, Type x_type, void* y, Type y_type, int64_t n) {
  with_type(x_type, [&](auto* from) {
    with_type(y_type, [&](auto* to) {
      each_16(n,
              [&](int64_t i, int64_t m) { store_n(as(y, to) + i, load_n(as(x, from) + i, m), m); });
    });
  });
}

void add_to(const void* x, Type x_type, float* y, int64_t n) {
  with_type(x_type, [&](auto* type) {
    each_16(n, [&](int64_t i, int64_t m) {
      store_n(y + i, add(load_n(y + i, m), load_n(as(x, type) + i, m)), m);
    });
  });
}

void scale(const void* x, Type x_type, float scale, void* y, Type y_type, int64_t n) {
  with_type(x_type, [&](auto* from) {
    with_type(y_type, [&](auto* to) {
      each_16(n, [&](int64_t i, int64_t m) {
        store_n(as(y, to) + i, mul(load_n(as(x, from) + i, m), set16(scale)), m);
      });
    });
  });
}

void add_scaled(const void* x, Type x_type, float scale, float* y, int64_t n) {
  with_type(x_type, [&](auto* type) {
    each_16(n, [&](int64_t i, int64_t m) {
      store_n(y + i, fma(load_n(as(x, type) + i, m), set16(scale), load_n(y + i, m)), m);
    });
  });
}

/// Lane l adds elements l, l + 16, l + 32, ...; lanes are added as sum16 says.
template <class X, class Y>
GRADUS_INLINE float dot_as(const X* x, const Y* y, int64_t n) {
  F16 sum = zero16();
  each_16(n, [&](int64_t i, int64_t m) { sum = fma(load_n(x + i, m), load_n(y + i, m), sum); });
  return sum16(sum);
}

float dot(const void* x, Type x_type, const void* y, Type y_type, int64_t n) {
  float result = 0.0F;
  with_type(x_type, [&](auto* a) {
    with_type(y_type, [&](auto* b) { result = dot_as(as(x, a), as(y, b), n); });
  });
  return result;
}

float rms_norm(const void* x, Type x_type, const float* weight, float eps, void* y, Type y_type,
               int64_t n) {
  const float mean = dot(x, x_type, x, x_type, n) / static_cast<float>(n);
  const float inv_rms = 1.0F / __builtin_sqrtf(mean + eps);
  with_type(x_type, [&](auto* from) {
    with_type(y_type, [&](auto* to) {
      each_16(n, [&](int64_t i, int64_t m) {
        const F16 normed = mul(load_n(as(x, from) + i, m), set16(inv_rms));
        store_n(as(y, to) + i, mul(load_n(weight + i, m), normed), m);
      });
    });
  });
  return inv_rms;
}

// With n = x inv_rms and g = w dy: dx = inv_rms (g - n mean(n g)).
void rms_norm_dx(const void* x, Type x_type, const float* weight, float inv_rms, const void* dy,
                 Type dy_type, void* dx, Type dx_type, bool accumulate, int64_t n) {
  F16 sum = zero16();
  with_type(x_type, [&](auto* xt) {
    with_type(dy_type, [&](auto* dyt) {
      each_16(n, [&](int64_t i, int64_t m) {
        const F16 g = mul(load_n(weight + i, m), load_n(as(dy, dyt) + i, m));
        sum = fma(load_n(as(x, xt) + i, m), g, sum);
      });
      const F16 slope = set16(sum16(sum) * inv_rms * inv_rms / static_cast<float>(n));
      with_type(dx_type, [&](auto* dxt) {
        each_16(n, [&](int64_t i, int64_t m) {
          const F16 g = mul(load_n(weight + i, m), load_n(as(dy, dyt) + i, m));
          F16 d = mul(fnma(load_n(as(x, xt) + i, m), slope, g), set16(inv_rms));
          auto* out = as(dx, dxt) + i;
          if (accumulate) d = add(load_n(out, m), d);
          store_n(out, d, m);
        });
      });
    });
  });
}

void rms_norm_dweight(const void* x, Type x_type, float inv_rms, const void* dy, Type dy_type,
                      float* dweight, int64_t n) {
  with_type(x_type, [&](auto* xt) {
    with_type(dy_type, [&](auto* dyt) {
      each_16(n, [&](int64_t i, int64_t m) {
        const F16 normed = mul(load_n(as(x, xt) + i, m), set16(inv_rms));
        store_n(dweight + i, fma(load_n(as(dy, dyt) + i, m), normed, load_n(dweight + i, m)), m);
      });
    });
  });
}

template <class E>
void rope_halves(const RopeArgs& args, E* a) {
  E* b = a + args.half;
  const F16 sign = set16(args.inverse ? -1.0F : 1.0F);
  each_16(args.half, [&](int64_t i, int64_t m) {
    const F16 c = load_n(args.cos + i, m);
    const F16 s = mul(load_n(args.sin + i, m), sign);
    const F16 x = load_n(a + i, m);
    const F16 y = load_n(b + i, m);
    store_n(a + i, fnma(y, s, mul(x, c)), m);
    store_n(b + i, fma(x, s, mul(y, c)), m);
  });
}

// Pairs are taken apart, turned as halves are, and put together again.
template <class E>
void rope_pairs(const RopeArgs& args, E* x) {
  for (int64_t i = 0; i < args.half; i += kLanes) {
    const int64_t m = args.half - i < kLanes ? args.half - i : kLanes;
    E split[2 * kLanes];
    for (int64_t j = 0; j < m; ++j) {
      split[j] = x[2 * (i + j)];
      split[m + j] = x[2 * (i + j) + 1];
    }
    RopeArgs part = args;
    part.half = m;
    part.cos += i;
    part.sin += i;
    rope_halves(part, split);
    for (int64_t j = 0; j < m; ++j) {
      x[2 * (i + j)] = split[j];
      x[2 * (i + j) + 1] = split[m + j];
    }
  }
}

void rope(const RopeArgs& args) {
  with_type(args.type, [&](auto* type) {
    if (args.interleaved) {
      rope_pairs(args, as(args.x, type));
    } else {
      rope_halves(args, as(args.x, type));
    }
  });
}

GRADUS_INLINE F16 sigmoid16(F16 x) {
  const F16 one = set16(1.0F);
  return div(one, add(one, exp16(sub(zero16(), x))));
}

/// g sigma(g).
struct Silu {
  struct Point {
    F16 value;
    F16 slope;
  };
  GRADUS_INLINE static F16 value(F16 g) { return mul(g, sigmoid16(g)); }
  GRADUS_INLINE static Point at(F16 g) {
    const F16 s = sigmoid16(g);
    const F16 silu = mul(g, s);
    return {silu, fma(silu, sub(set16(1.0F), s), s)};  // s (1 + g (1 - s))
  }
};

/// g sigma(2 u) with u = sqrt(2 / pi) (g + 0.044715 g^3): gelu's tanh form.
struct GeluTanh {
  using Point = Silu::Point;
  static constexpr float kLinear = 1.5957691216057308F;  // 2 sqrt(2 / pi)
  static constexpr float kCubic = 0.071354816272699F;    // that times 0.044715

  /// sigma is 0 or 1 in float32 far before.
  GRADUS_INLINE static F16 held(F16 g) { return min16(set16(20.0F), max16(set16(-20.0F), g)); }
  GRADUS_INLINE static F16 share(F16 h) {
    return sigmoid16(mul(h, fma(mul(h, h), set16(kCubic), set16(kLinear))));
  }
  GRADUS_INLINE static F16 value(F16 g) { return mul(g, share(held(g))); }
  GRADUS_INLINE static Point at(F16 g) {
    const F16 h = held(g);
    const F16 s = share(h);
    const F16 gelu = mul(g, s);
    const F16 du = fma(mul(h, h), set16(3.0F * kCubic), set16(kLinear));
    return {gelu, fma(mul(gelu, sub(set16(1.0F), s)), du, s)};
  }
};

template <class Activation>
void gate_mul(const void* gate, Type gate_type, const void* up, Type up_type, void* y, Type y_type,
              int64_t n) {
  with_type(gate_type, [&](auto* gt) {
    with_type(up_type, [&](auto* ut) {
      with_type(y_type, [&](auto* yt) {
        each_16(n, [&](int64_t i, int64_t m) {
          const F16 active = Activation::value(load_n(as(gate, gt) + i, m));
          store_n(as(y, yt) + i, mul(active, load_n(as(up, ut) + i, m)), m);
        });
      });
    });
  });
}

template <class Activation, class G, class U, class D>
void gate_mul_backward_as(const G* gate, const U* up, const D* dy, void* dgate, Type dgate_type,
                          void* dup, Type dup_type, int64_t n) {
  each_16(n, [&](int64_t i, int64_t m) {
    const F16 u = load_n(up + i, m);
    const F16 d = load_n(dy + i, m);
    const auto active = Activation::at(load_n(gate + i, m));
    with_type(dup_type, [&](auto* type) { store_n(as(dup, type) + i, mul(d, active.value), m); });
    with_type(dgate_type,
              [&](auto* type) { store_n(as(dgate, type) + i, mul(mul(d, u), active.slope), m); });
  });
}

template <class Activation>
void gate_mul_backward(const void* gate, Type gate_type, const void* up, Type up_type,
                       const void* dy, Type dy_type, void* dgate, Type dgate_type, void* dup,
                       Type dup_type, int64_t n) {
  with_type(gate_type, [&](auto* gt) {
    with_type(up_type, [&](auto* ut) {
      with_type(dy_type, [&](auto* dt) {
        gate_mul_backward_as<Activation>(as(gate, gt), as(up, ut), as(dy, dt), dgate, dgate_type,
                                         dup, dup_type, n);
      });
    });
  });
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
