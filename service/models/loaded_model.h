#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "policy/tokenizer/tokenizer.h"
#include "service/models/generation.h"
#include "service/models/shared_policy.h"

namespace gradus::service {

class TokenTree;

/// Settings `serve.models.*`.
struct ModelsConfig {
  double memory_mb = 0.0;
  double kv_cache_mb = 256.0;
  int max_sequences = 128;
  int threads = 0;
  std::string precision = "float32";
  double adapter_alpha = 0.0;
  int adapters = 16;
};

void describe(ModelsConfig& c, SettingFields& field);

/// A model in memory, with one engine and one thread that steps it: requests of all clients decode
/// together, and join and leave between two steps. Any thread may call; results do not depend on
/// who shares a step (decision 001).
class LoadedModel {
 public:
  /// @throws FileError, ConfigError  as Policy::load and load_checkpoint_tokenizer.
  LoadedModel(const std::string& name, const std::string& path, const ModelsConfig& config);
  /// Samples with adapters on a base that others use as well.
  LoadedModel(const std::string& name, std::shared_ptr<SharedPolicy> base,
              std::shared_ptr<const AdapterValues> adapters, const ModelsConfig& config);
  /// What runs is cancelled.
  ~LoadedModel();

  using Ticket = uint64_t;
  Ticket submit(GenerationRequest request);
  /// on_done is called with what there is. Unknown tickets are ignored.
  void cancel(Ticket ticket);
  /// While it is held nothing is computed: what runs stands still, what comes waits.
  void hold(bool is_held);
  /// Ends all that runs or waits, with what there is; what comes afterwards is answered.
  void abort_all();

  const policy::Tokenizer& tokenizer() const;
  int64_t context_length() const;
  int64_t vocab_size() const;
  /// Without the weights of a base that it shares.
  int64_t memory_bytes() const;

  /// The prompt of a chat, ending where the assistant begins, through the model's template; the
  /// messages' texts line by line where it has none.
  /// @throws Error  the template refuses the messages.
  std::string render_chat(const nlohmann::ordered_json& messages,
                          const nlohmann::ordered_json& tools,
                          const nlohmann::ordered_json& variables) const;
  /// Ids of a rendered chat: the template has written bos.
  std::vector<int32_t> encode_chat(const std::string& text) const;
  /// Ids of a text that the model goes on with, with bos where it wants one.
  std::vector<int32_t> encode_text(const std::string& text) const;
  /// Whether the model's template knows thinking (<think>), which is then told apart.
  bool has_thinking() const;
  /// Whether its template writes tools' calls as <tool_call>{...}</tool_call>.
  bool has_tool_calls() const;

  /// For answers that are held to a form; made at the first call.
  std::shared_ptr<const TokenTree> token_tree() const;

  struct Load {
    int64_t running = 0;
    int64_t waiting = 0;
    double cache_used = 0.0;  ///< share of the KV cache
  };
  Load load() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradus::service
