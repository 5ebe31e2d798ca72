#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>

#include "cli/arguments.h"
#include "cli/model_options.h"
#include "policy/policy.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "rollout/engine/engine.h"
#include "rollout/engine/sampling.h"

namespace gradus::cli {

/// Arguments of commands that sample.
struct GeneratorOptions {
  ModelOptions model;
  rollout::SamplingConfig sampling;
  uint64_t seed = 0;
  double kv_cache_mb = 512.0;
};

/// add_model_options, --temperature, --top-k, --top-p, --min-p, --max-tokens, --stop, --seed,
/// --kv-cache-mb.
void add_generator_options(Command app, GeneratorOptions& options);

/// A loaded checkpoint that continues texts and chats. One thread at a time.
class Generator {
 public:
  /// @param num_sequences  completions that decode together.
  /// @throws ConfigError, FileError
  Generator(GeneratorOptions options, int num_sequences);

  bool has_chat_template() const;
  rollout::Prompt text_prompt(const std::string& text) const;
  /// @throws ArgumentError  the checkpoint has no chat template.
  rollout::Prompt chat_prompt(const nlohmann::json& messages) const;

  /// Completions of one prompt. The n-th call of a generator draws from streams of its own.
  rollout::Rollout generate(rollout::Prompt prompt, int num_completions,
                            const std::stop_token& stop, rollout::TokenCallback on_token = {});

 private:
  GeneratorOptions options_;
  std::unique_ptr<ThreadTeam> team_;
  policy::LoadedTokenizer tokenizer_;
  std::unique_ptr<policy::Policy> policy_;
  std::unique_ptr<rollout::Engine> engine_;
  uint64_t num_calls_ = 0;
};

}  // namespace gradus::cli
