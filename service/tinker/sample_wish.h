#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "service/models/generation.h"
#include "service/models/model_host.h"
#include "service/training/messages.h"

namespace gradus::service {

/// A sampling request as it is understood.
struct SampleWish {
  std::vector<int32_t> tokens;
  int num_samples = 1;
  int64_t max_tokens = 0;
  rollout::SamplingConfig sampling;
  std::optional<uint64_t> seed;
  bool ignores_end = false;
  bool has_prompt_logprobs = false;
  int64_t last_n = 0;  ///< prompt tokens that are scored, from the end; 0: all
  std::vector<std::vector<int32_t>>
      targets;  ///< [prompt - 1][K] tokens to be scored; below 0: none
  int num_top = 0;
  int num_top_prompt = 0;
  int num_drawn = 0;  ///< tokens drawn in the place of each prompt token but the first

  bool scores_prompt() const {
    return has_prompt_logprobs || num_top_prompt > 0 || !targets.empty() || num_drawn > 0;
  }
};

/// num_samples, prompt, sampling_params and what is to be scored. Who samples (sampling_session_id,
/// model_path, base_model) is read by others. @throws HttpError, RequestError
SampleWish read_sample(const nlohmann::json& body, const ModelFacts& facts);

GenerationRequest generation_of(const SampleWish& wish, uint64_t seed);

/// The answer on the wire. @throws Error  a sequence failed, with its reason.
std::string write_generation(const SampleWish& wish, GenerationResult& result);

}  // namespace gradus::service
