#include "policy/formats/rope.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "policy/formats/config_fields.h"

namespace gradus::policy {
namespace {

constexpr std::array<std::pair<RopeKind, std::string_view>, 4> kKinds{{
    {RopeKind::standard, "default"},
    {RopeKind::linear, "linear"},
    {RopeKind::llama3, "llama3"},
    {RopeKind::yarn, "yarn"},
}};

constexpr double kSmallest = 1e-6;
constexpr double kLargestFactor = 1e9;

RopeKind read_kind(const ConfigFields& rope) {
  const char* key = rope.has("rope_type") ? "rope_type" : "type";
  const std::string name = rope.text_or(key, "default");
  for (const auto& [kind, known] : kKinds) {
    if (name == known) return kind;
  }
  rope.fail(key, fmt::format("\"{}\" is not supported; supported are default, linear, llama3 and "
                             "yarn",
                             name));
}

void read_yarn(const ConfigFields& rope, RopeConfig& result) {
  result.beta_fast = rope.real_or("beta_fast", 32.0, kSmallest, kLargestFactor);
  result.beta_slow = rope.real_or("beta_slow", 1.0, kSmallest, kLargestFactor);
  result.attention_factor = rope.real_if("attention_factor", kSmallest, kLargestFactor);
  result.mscale = rope.real_or("mscale", 0.0, 0.0, kLargestFactor);
  result.truncate = rope.flag_or("truncate", true);
  if (result.theta <= 1.0) rope.fail("rope_theta", "must be above 1 for yarn");
}

void read_llama3(const ConfigFields& rope, RopeConfig& result) {
  result.low_freq_factor = rope.real("low_freq_factor", kSmallest, kLargestFactor);
  result.high_freq_factor = rope.real("high_freq_factor", kSmallest, kLargestFactor);
  if (result.high_freq_factor <= result.low_freq_factor) {
    rope.fail("high_freq_factor", "must be above low_freq_factor");
  }
}

void read_scaling(const ConfigFields& rope, int64_t max_positions, RopeConfig& result) {
  result.kind = read_kind(rope);
  if (rope.real_or("partial_rotary_factor", 1.0, 0.0, 1.0) != 1.0) {
    rope.fail("partial_rotary_factor", "must be 1: rotating a part of a head is not supported");
  }
  if (result.kind == RopeKind::standard) return;
  if (rope.has("factor") || result.kind != RopeKind::yarn) {
    result.factor = rope.real("factor", kSmallest, kLargestFactor);
  }
  result.mscale_all_dim = rope.real_or("mscale_all_dim", 0.0, 0.0, kLargestFactor);
  if (result.kind == RopeKind::linear) return;
  result.original_max_positions =
      rope.whole_or("original_max_position_embeddings", max_positions, 1, kMaxPositions);
  if (result.kind == RopeKind::llama3) return read_llama3(rope, result);
  if (!rope.has("factor")) {
    result.factor =
        static_cast<double>(max_positions) / static_cast<double>(result.original_max_positions);
  }
  read_yarn(rope, result);
}

// The same name outside the rope's object wins (transformers 5, standardize_rope_params).
void override_original(const ConfigFields& config, const ConfigFields& rope, int64_t max_positions,
                       RopeConfig& result) {
  constexpr const char* kKey = "original_max_position_embeddings";
  const bool has_original = result.kind == RopeKind::llama3 || result.kind == RopeKind::yarn;
  if (!has_original || !config.has(kKey)) return;
  result.original_max_positions = config.whole(kKey, 1, kMaxPositions);
  if (rope.has("factor")) return;
  result.factor =
      static_cast<double>(max_positions) / static_cast<double>(result.original_max_positions);
}

// theta^(2i/dim), each rounded to float32 once, as torch.pow does.
std::vector<float> periods(double theta, int64_t dim) {
  std::vector<float> result;
  for (int64_t i = 0; i < dim; i += 2) {
    const float exponent = static_cast<float>(i) / static_cast<float>(dim);
    result.push_back(static_cast<float>(std::pow(theta, static_cast<double>(exponent))));
  }
  return result;
}

void scale_llama3(const RopeConfig& rope, std::vector<float>& inv_freq) {
  const auto original = static_cast<double>(rope.original_max_positions);
  const auto low_wavelength = static_cast<float>(original / rope.low_freq_factor);
  const auto high_wavelength = static_cast<float>(original / rope.high_freq_factor);
  const auto factor = static_cast<float>(rope.factor);
  const auto low = static_cast<float>(rope.low_freq_factor);
  const auto range = static_cast<float>(rope.high_freq_factor - rope.low_freq_factor);
  for (float& f : inv_freq) {
    // A scalar over a tensor is reciprocal, then product, in torch: two roundings.
    const float wavelength = 1.0F / f * static_cast<float>(2 * std::numbers::pi);
    if (wavelength < high_wavelength) continue;
    if (wavelength > low_wavelength) {
      f = f / factor;
      continue;
    }
    const float smooth = (1.0F / wavelength * static_cast<float>(original) - low) / range;
    f = (1.0F - smooth) * f / factor + smooth * f;
  }
}

float yarn_attention_factor(const RopeConfig& rope) {
  if (rope.attention_factor) return static_cast<float>(*rope.attention_factor);
  if (rope.mscale != 0 && rope.mscale_all_dim != 0) {
    return static_cast<float>(yarn_gain(rope.factor, rope.mscale) /
                              yarn_gain(rope.factor, rope.mscale_all_dim));
  }
  return static_cast<float>(yarn_gain(rope.factor, 1.0));
}

std::pair<double, double> yarn_range(const RopeConfig& rope, int64_t dim) {
  const auto dimension = [&](double rotations) {
    const double turns =
        static_cast<double>(rope.original_max_positions) / (rotations * 2 * std::numbers::pi);
    return static_cast<double>(dim) * std::log(turns) / (2 * std::log(rope.theta));
  };
  double low = dimension(rope.beta_fast);
  double high = dimension(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(dim - 1));
  if (low == high) high += 0.001;  // no division by zero
  return {low, high};
}

std::vector<float> yarn(const RopeConfig& rope, int64_t dim) {
  const auto [low, high] = yarn_range(rope, dim);
  std::vector<float> inv_freq = periods(rope.theta, dim);
  for (size_t i = 0; i < inv_freq.size(); ++i) {
    const float extrapolated = 1.0F / inv_freq[i];
    const float interpolated = 1.0F / (static_cast<float>(rope.factor) * inv_freq[i]);
    const float linear =
        (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float keep = 1.0F - std::clamp(linear, 0.0F, 1.0F);
    inv_freq[i] = interpolated * (1.0F - keep) + extrapolated * keep;
  }
  return inv_freq;
}

}  // namespace

double yarn_gain(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

std::string_view rope_kind_name(RopeKind kind) {
  return std::find_if(kKinds.begin(), kKinds.end(), [&](auto& k) { return k.first == kind; })
      ->second;
}

RopeConfig read_rope(const ConfigFields& config, double default_theta, int64_t max_positions) {
  RopeConfig result;
  result.theta = config.real_or("rope_theta", default_theta, kSmallest, 1e15);
  if (config.real_or("partial_rotary_factor", 1.0, 0.0, 1.0) != 1.0) {
    config.fail("partial_rotary_factor", "must be 1: rotating a part of a head is not supported");
  }
  // As transformers 5 reads them: an old field that says something wins over the new one, whole.
  const nlohmann::json* old = config.value("rope_scaling");
  const char* key = old != nullptr && !old->empty() ? "rope_scaling" : "rope_parameters";
  if (!config.has(key)) return result;
  const ConfigFields rope = config.object(key);
  for (const auto& [name, value] : config.value(key)->items()) {
    if (!value.is_object()) continue;
    rope.fail(name, "is a rope of its own; one rope for all layers is supported");
  }
  result.theta = rope.real_or("rope_theta", result.theta, kSmallest, 1e15);
  read_scaling(rope, max_positions, result);
  override_original(config, rope, max_positions, result);
  return result;
}

RopeFrequencies rope_frequencies(const RopeConfig& rope, int64_t dim) {
  if (rope.kind == RopeKind::yarn) return {yarn(rope, dim), yarn_attention_factor(rope)};
  RopeFrequencies result{periods(rope.theta, dim), 1.0F};
  for (float& f : result.inv_freq) f = 1.0F / f;
  if (rope.kind == RopeKind::linear) {
    for (float& f : result.inv_freq) f = f / static_cast<float>(rope.factor);
  }
  if (rope.kind == RopeKind::llama3) scale_llama3(rope, result.inv_freq);
  return result;
}

}  // namespace gradus::policy
