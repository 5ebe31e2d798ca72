#include "cli/generator.h"

#include <utility>

#include "base/error.h"
#include "base/settings/setting.h"
#include "policy/checkpoint_tokenizer.h"
#include "rollout/prompts/prompt_renderer.h"

namespace gradus::cli {

void add_generator_options(Command app, GeneratorOptions& options) {
  auto& sampling = options.sampling;
  add_model_options(app, options.model);
  app.add_option("--temperature", sampling.temperature, "0: greedy");
  app.add_option("--top-k", sampling.top_k, "keep the k likeliest tokens; 0: all");
  app.add_option("--top-p", sampling.top_p, "keep the smallest set with this probability");
  app.add_option("--min-p", sampling.min_p,
                 "drop tokens below this share of the likeliest one's probability");
  app.add_option("--max-tokens", sampling.max_tokens, "longest completion, in tokens");
  app.add_option("--stop", sampling.stop, "text that ends a completion; repeatable");
  app.add_option("--seed", options.seed, "same seed, same completions");
  app.add_option("--kv-cache-mb", options.kv_cache_mb, "memory for keys and values");
}

Generator::Generator(GeneratorOptions options, int num_sequences)
    : options_(std::move(options)),
      team_(make_team(options_.model.threads, policy_config(options_.model))) {
  check_settings(options_.sampling, "command line");
  tokenizer_ = policy::load_checkpoint_tokenizer(checkpoint_path(options_.model.path));
  policy_ = policy::Policy::load(policy_config(options_.model), policy::Purpose::inference, *team_);
  rollout::EngineConfig config;
  config.max_sequences = num_sequences;
  config.num_blocks = rollout::blocks_in_budget(*policy_, options_.kv_cache_mb, num_sequences);
  engine_ = std::make_unique<rollout::Engine>(*policy_, *tokenizer_.tokenizer, config, *team_);
}

bool Generator::has_chat_template() const {
  return tokenizer_.chat_template.has_value();
}

rollout::Prompt Generator::text_prompt(const std::string& text) const {
  rollout::Prompt prompt;
  prompt.id = "command line";
  prompt.text = text;
  prompt.tokens = rollout::encode_to_continue(*tokenizer_.tokenizer, text);
  if (prompt.tokens.empty()) {
    throw ArgumentError("--prompt: is empty, and the model wants no token before a text");
  }
  return prompt;
}

rollout::Prompt Generator::chat_prompt(const nlohmann::json& messages) const {
  if (!has_chat_template()) {
    throw ArgumentError(options_.model.path +
                        ": has no chat template; `gradus sample` continues plain text");
  }
  rollout::Prompt prompt;
  prompt.id = "command line";
  prompt.messages = messages;
  // In the order in which chats are written, for templates that print messages as JSON.
  auto ordered = nlohmann::ordered_json::array();
  for (const auto& message : messages) {
    ordered.push_back({{"role", message["role"]}, {"content", message["content"]}});
  }
  prompt.text = tokenizer_.chat_template->render(ordered, nullptr, true, tokenizer_.variables);
  // The template writes bos and all else that a chat needs.
  prompt.tokens = tokenizer_.tokenizer->encode(prompt.text, true);
  return prompt;
}

rollout::Rollout Generator::generate(rollout::Prompt prompt, int num_completions,
                                     const std::stop_token& stop, rollout::TokenCallback on_token) {
  rollout::RolloutRequest request{std::move(prompt), num_completions,  options_.seed, 0,
                                  num_calls_++,      options_.sampling};
  return engine_->generate(std::move(request), stop, std::move(on_token));
}

}  // namespace gradus::cli
