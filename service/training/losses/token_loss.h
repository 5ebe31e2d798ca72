#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace at {
class Tensor;
}

namespace gradus::service {

/// Scored tokens of one microbatch. Shapes: S tokens; float64 on the CPU.
struct TokenLossInputs {
  const at::Tensor& logprobs;                      ///< [S] p, carries the gradient
  const std::map<std::string, at::Tensor>& given;  ///< [S] what the request gave, by name
  const std::map<std::string, double>& config;     ///< the request's loss_fn_config
  const at::Tensor& sequence;                      ///< [S] int64, the token's sequence
  int64_t num_sequences = 0;
};

/// One value of a request's loss_fn. The loss is a sum over tokens, never a mean. A new one is a
/// file with its record and a line in records.inc.
struct TokenLoss {
  std::string_view name;
  std::span<const std::string_view> needs;    ///< inputs beside target_tokens
  std::span<const std::string_view> allows;   ///< further inputs
  std::span<const std::string_view> config;   ///< keys of loss_fn_config
  at::Tensor (*sum)(const TokenLossInputs&);  ///< a scalar, to be minimised
};

/// @return  null: there is none of that name.
const TokenLoss* find_token_loss(std::string_view name);
/// Names for an error: "cross_entropy, ppo, ...".
std::string token_loss_names();

inline constexpr std::string_view kPolicyInputs[] = {"logprobs", "advantages"};
inline constexpr std::string_view kClipKeys[] = {"clip_low_threshold", "clip_high_threshold"};

/// exp(p - q).
at::Tensor ratios(const TokenLossInputs& in);
/// The ratio [S] between the request's thresholds; unless told, `low` and `high`.
at::Tensor clip(const TokenLossInputs& in, const at::Tensor& ratio, double low, double high);
/// -sum min(r A, clip(r, low, high) A); unless told, low is 0.8 and high 1.2.
at::Tensor clipped_sum(const TokenLossInputs& in, const at::Tensor& ratio);

}  // namespace gradus::service
