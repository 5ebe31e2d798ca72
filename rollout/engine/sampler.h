#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "rollout/engine/sampling.h"

namespace gradus::rollout {

/// Sampling is greedy at temperature 0; else this is the least: below, 1 / temperature would leave
/// no float precision, and the figures of the two would not fit each other.
inline constexpr double kLeastTemperature = 1e-3;

/// The temperature at which logprobs are reported, and at which the trainer must score the tokens
/// for the same figures: the sampling temperature, but 1 when sampling is greedy (the greedy
/// distribution has one point and would tell nothing).
double scoring_temperature(const SamplingConfig& config);

struct SampledToken {
  int32_t id = 0;
  float logprob = 0.0F;         ///< of the distribution that was sampled from, renormalised
  float policy_logprob = 0.0F;  ///< at scoring_temperature, without top-k, top-p, min-p
};

/// Memory that one thread reuses from row to row.
struct SamplerScratch {
  struct Candidate {
    float logit = 0.0F;
    int32_t id = 0;
  };
  std::vector<float> maxima;
  std::vector<float> order;
  std::vector<Candidate> candidates;
  std::vector<double> weights;
  std::vector<float> edited;  ///< a row that an editor changed

  /// Room for rows of `vocab_size` logits, so that sampling does not allocate.
  void reserve(int64_t vocab_size);
};

/// Draws a token from one row of logits z [V].
///
/// The filters stand in the order of transformers' warpers: temperature, top-k, top-p (of what
/// top-k left, renormalised), min-p. Tokens are ranked by logit, equal ones by id, so exactly k
/// remain after top-k (transformers keeps all ties of the k-th). top-p keeps a token while the
/// tokens before it hold less than p; the likeliest token always stays. min-p keeps tokens with at
/// least min_p times the likeliest one's probability. All three keep a head of the ranking, so only
/// that head is ever sorted.
///
/// Without filters policy_logprob and logprob are b z_i - log_sum_exp(b z), with the kernels that
/// the trainer scores with: the same bits. A value; const calls may run at once.
class Sampler {
 public:
  /// @throws ArgumentError  a setting out of its range.
  explicit Sampler(const SamplingConfig& config);

  /// @param u  uniform on [0, 1); the only source of chance; unused when greedy.
  /// @return   nullopt when a logit is NaN or infinite: nothing may be sampled from that.
  std::optional<SampledToken> sample(std::span<const float> logits, float u,
                                     SamplerScratch& scratch) const;

  /// The same of logits in which an editor forbade tokens by -infinity. @return  nullopt: all are
  /// forbidden, or one is NaN.
  std::optional<SampledToken> sample_edited(std::span<float> logits, float u,
                                            SamplerScratch& scratch) const;

  bool is_greedy() const { return is_greedy_; }

 private:
  SampledToken sample_truncated(std::span<const float> logits, float u, float log_sum_exp,
                                float max, SamplerScratch& scratch) const;
  size_t count_kept(double b, double full_mass, SamplerScratch& scratch) const;
  bool is_truncated(int64_t vocab_size) const;

  bool is_greedy_ = false;
  float inverse_temperature_ = 1.0F;
  int64_t top_k_ = 0;
  double top_p_ = 1.0;
  double min_p_ = 0.0;
};

}  // namespace gradus::rollout
