#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace gradus::service {

enum class TrainingMethod { supervised, reinforcement, dpo };

/// What was found in a file of training rows.
struct TrainingRows {
  int64_t count = 0;
  int64_t bytes = 0;  ///< of the rows' texts, for estimates
  std::string fault;  ///< with the line's number; empty: all rows are good
};

/// Reads every row and checks its form: for reinforcement a chat whose last message is the user's,
/// for supervised training one whose last message is the assistant's, for dpo {input,
/// preferred_output, non_preferred_output}.
TrainingRows check_training_rows(const std::filesystem::path& path, TrainingMethod method);

}  // namespace gradus::service
