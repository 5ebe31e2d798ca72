#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "policy/formats/model_config.h"
#include "policy/weights/peft/adapter_file.h"

namespace gradus::policy {

/// scale * B A, whose sides are tensors of an adapter's file.
struct LowRankProduct {
  enum class Form {
    matrix,     ///< A [r, in], B [out, r]: B A is [out, in]
    embedding,  ///< A [r, V], B [D, r]: (B A)^T is [V, D]
    expert,     ///< A [E r, in], B [out, r E]: those of one of E experts
  };
  Form form = Form::matrix;
  std::string a;
  std::string b;
  int64_t rank = 0;
  float scale = 1.0F;
  int64_t expert = 0;
  int64_t first_row = 0;  ///< of B: gate and up of an expert are adapted as one matrix

  bool operator==(const LowRankProduct&) const = default;
};

/// What an adapter makes of one tensor of its base.
struct TensorEdit {
  std::string base;                      ///< the base's tensor that is read; empty: none, zeros
  std::string replacement;               ///< the file's tensor that is read instead; may be empty
  int64_t first = 0;                     ///< element of the replacement
  std::vector<LowRankProduct> products;  ///< are added
  std::string rows;                      ///< the file's tensor of new rows; may be empty
  std::vector<int64_t> row_numbers;
  std::string bias;  ///< the file's tensor that is added, times bias_scale; may be empty
  float bias_scale = 1.0F;

  bool changes_nothing(const std::string& name) const;
  bool operator==(const TensorEdit&) const = default;
};

/// Products that stand beside their layers and can be trained on; by the base's tensor.
using LiveAdapters = std::map<std::string, LowRankProduct>;

/// What an adapter makes of its base, decided as PEFT decides it: every tensor of the file is used,
/// or the file is refused by that tensor's name.
struct AdapterPlan {
  LiveAdapters live;
  /// What becomes part of the base; by tensor, of the base or new.
  std::map<std::string, TensorEdit> edits;
  /// config.json of the base with these edits: vocab_size, tie_word_embeddings, biases.
  nlohmann::json config;
};

enum class LiveProducts {
  linear_layers,  ///< those of linear layers and the head stay beside their layers
  none,           ///< all become part of the base
};

/// @param base  of the checkpoint that was adapted.
/// @throws gradus::FileError  what the adapter's file and the base do not agree on, by name.
AdapterPlan plan_adapter(const AdapterFile& file, const ModelConfig& base, LiveProducts live);

/// The plan without an adapter under which a tied head is a matrix of its own.
AdapterPlan plan_untied_head(const ModelConfig& base);

}  // namespace gradus::policy
