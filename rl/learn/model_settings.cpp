#include "rl/learn/model_settings.h"

#include "base/error.h"

namespace gradus::rl {

void describe(ModelSettings& c, SettingFields& field) {
  describe(static_cast<policy::PolicyConfig&>(c), field);
  field("config", c.config, any(),
        "config.json of a fresh model, in place of path: pre-training from random weights");
  field("tokenizer", c.tokenizer, any(), "tokenizer file or folder of a fresh model");
}

void check(const ModelSettings& model, const std::string& source) {
  const bool is_fresh = !model.config.empty();
  if (model.path.empty() && !is_fresh)
    throw ConfigError(source +
                      ": model.path: is empty. Name a checkpoint, or model.config and "
                      "model.tokenizer for a fresh model");
  if (is_fresh && !model.path.empty())
    throw ConfigError(source + ": model.config: given beside model.path; use one of them");
  if (is_fresh && model.lora.rank > 0)
    throw ConfigError(source +
                      ": model.lora.rank: is above 0 with model.config. A fresh model has "
                      "no weights to adapt; train them all");
  if (is_fresh && model.tokenizer.empty())
    throw ConfigError(source + ": model.tokenizer: is empty. A fresh model needs a tokenizer");
}

}  // namespace gradus::rl
