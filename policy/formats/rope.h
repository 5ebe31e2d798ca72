#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace gradus::policy {

class ConfigFields;

/// How position becomes rotation. The names are those of `rope_type` in config.json.
enum class RopeKind { standard, linear, llama3, yarn };

std::string_view rope_kind_name(RopeKind kind);

/// Rotary position embedding, as config.json gives it. Fields of other kinds keep their defaults.
struct RopeConfig {
  RopeKind kind = RopeKind::standard;
  double theta = 10000.0;
  double factor = 1.0;                     // linear, llama3, yarn
  double low_freq_factor = 1.0;            // llama3
  double high_freq_factor = 4.0;           // llama3
  int64_t original_max_positions = 0;      // llama3, yarn
  double beta_fast = 32.0;                 // yarn
  double beta_slow = 1.0;                  // yarn
  std::optional<double> attention_factor;  // yarn: on cos and sin; nothing: from the factor
  double mscale = 0.0;                     // yarn, DeepSeek; 0: not given
  double mscale_all_dim = 0.0;             // DeepSeek, of every scaled kind; 0: not given
  bool truncate = true;                    // yarn: the ramp's ends are whole dimensions
};

/// Reads both dialects: `rope_theta` beside `rope_scaling` {"type" or "rope_type", ...}, which wins
/// where both are present, and `rope_parameters` {"rope_theta", "rope_type", ...}.
/// @param max_positions  stands for original_max_position_embeddings where that is absent.
/// @throws gradus::FileError  bad_config: values out of range; types that are not supported, by
///                            name.
RopeConfig read_rope(const ConfigFields& config, double default_theta, int64_t max_positions);

/// 0.1 mscale ln(factor) + 1, or 1 where factor <= 1: YaRN's correction for longer contexts
/// (Peng et al., arXiv:2309.00071, 3.4).
double yarn_gain(double factor, double mscale);

struct RopeFrequencies {
  std::vector<float> inv_freq;    // [dim / 2] radians per position of each pair
  float attention_factor = 1.0F;  // multiplies cos and sin
};

/// The frequencies as transformers computes them, in float32 in the same order of operations:
///
///   standard  f_i = theta^(-2i/dim)
///   linear    f_i / factor
///   llama3    by wavelength w = 2 pi / f: w < orig/high: f; w > orig/low: f/factor; between:
///             (1-s) f/factor + s f with s = (orig/w - low) / (high - low)
///   yarn      f_i (1 - ramp_i) + f_i/factor ramp_i, ramp from dimension(beta_fast) to
///             dimension(beta_slow) with dimension(r) = dim ln(orig/(2 pi r)) / (2 ln theta)
///
/// @param dim  components rotated per head; even.
RopeFrequencies rope_frequencies(const RopeConfig& rope, int64_t dim);

}  // namespace gradus::policy
