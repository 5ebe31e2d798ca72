#include "rl/update/coefficients.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace gradus::rl {

Coefficients::Coefficients(const AlgorithmConfig& config)
    : config_(config),
      kl_coef_(config.kl_coef),
      entropy_{config.entropy_coef, config.entropy_controller.target} {}

AlgorithmConfig Coefficients::current() const {
  AlgorithmConfig config = config_;
  if (config.kl_controller.is_used()) config.kl_coef = kl_coef_;
  if (config.entropy_controller.is_used())
    config.entropy_coef = entropy_.applied(config.entropy_controller);
  return config;
}

void Coefficients::follow(double completions, Metrics& metrics) {
  const AlgorithmConfig used = current();
  if (config_.kl_controller.is_used()) {
    metrics["kl_coef"] = used.kl_coef;
    if (metrics.contains("kl"))
      kl_coef_ = next_kl_coef(kl_coef_, metrics.at("kl"), completions, config_.kl_controller);
  }
  if (config_.entropy_controller.is_used()) {
    metrics["entropy_coef"] = used.entropy_coef;
    if (metrics.contains("entropy"))
      entropy_.update(metrics.at("entropy"), config_.entropy_controller);
  }
}

std::string Coefficients::memory() const {
  return dump_json(
      {{"kl_coef", kl_coef_}, {"entropy_coef", entropy_.coef}, {"entropy", entropy_.entropy}});
}

void Coefficients::recall(const std::string& memory) {
  try {
    const auto json = parse_json(memory, "state.json: memory");
    kl_coef_ = json.at("kl_coef").get<double>();
    entropy_.coef = json.at("entropy_coef").get<double>();
    entropy_.entropy = json.at("entropy").get<double>();
  } catch (const nlohmann::json::exception& error) {
    throw FileError("state.json: memory", "bad_state", error.what());
  }
}

}  // namespace gradus::rl
