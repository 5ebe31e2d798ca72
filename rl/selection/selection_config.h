#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/settings/setting.h"

namespace gradus::rl {

/// Which of a prompt's rows are kept where more are left than `most`.
enum class RowChoice {
  shortest,  ///< fewest tokens (Kimi k1.5)
  random,    ///< seeded by prompt and index
  diverse,   ///< the shortest, then those that share fewest n-grams with what is chosen
};

enum class ThinkBlocks {
  any,       ///< as they come
  one,       ///< exactly one <think>...</think>, nothing but blanks before it
  balanced,  ///< none or one, closed
};

/// Settings of selection, with the reasons of r1_recipe's rejection sampling. The default keeps
/// what ended by itself, was right and does not repeat itself.
struct SelectionConfig {
  std::string rule;         ///< whose score says right; empty: the reward
  double right_from = 1.0;  ///< least score that is right
  nlohmann::json min_scores = nlohmann::json::object();  ///< rule: least score
  bool must_stop = true;
  ThinkBlocks think_blocks = ThinkBlocks::any;
  bool code_in_thought = true;
  int repeat_words = 20;
  int max_repeats = 2;
  double min_distinct = 0.3;
  double length_low = 5.0;
  double length_high = 95.0;
  double min_pass_rate = 0.0;
  double max_pass_rate = 1.0;
  RowChoice choose = RowChoice::shortest;
  int most = 1;
  double max_similarity = 0.8;
  int ngram = 13;
  int short_ngram = 8;
  uint64_t seed = 0;
};

void describe(SelectionConfig& c, SettingFields& field);

/// @throws ConfigError  begins with `source`.
void check(const SelectionConfig& config, const std::string& source);

}  // namespace gradus::rl
