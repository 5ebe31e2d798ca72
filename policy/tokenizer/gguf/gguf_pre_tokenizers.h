#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gradus::policy {

/// What a name in tokenizer.ggml.pre stands for, as components of a tokenizer.json.
struct GgufPreTokenizer {
  nlohmann::json normalizer;  ///< null or a component
  nlohmann::json pre_tokenizer;
  bool ignore_merges = false;
  bool adds_bos = false;  ///< where tokenizer.ggml.add_bos_token is not there
};

/// @param name  the value of tokenizer.ggml.pre; empty means "default", as in old files.
/// @throws gradus::Error  an unknown name, with the list of known ones.
const GgufPreTokenizer& gguf_pre_tokenizer(const std::string& name);

/// One name for each distinct pre-tokenizer, the ones to write.
const std::vector<std::string>& gguf_pre_names();

}  // namespace gradus::policy
