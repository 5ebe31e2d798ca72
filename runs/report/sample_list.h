#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gradus::runs {

/// One completion of a sample file, as the report shows it.
struct Sample {
  int64_t step = 0;
  int index = 0;  ///< within its group
  std::string prompt_id;
  std::string prompt;
  std::string completion;
  std::string finish;
  std::string error;
  int64_t num_tokens = 0;
  std::optional<double> reward;  ///< none: no rule could score it
  std::optional<double> advantage;
  std::vector<std::pair<std::string, std::string>> grades;  ///< rule -> "1", "failed: ..."
};

struct SampleList {
  std::vector<Sample> samples;
  int64_t num_files = 0;     ///< sample files of the run
  int64_t num_in_files = 0;  ///< completions in them, shown or not
};

/// What of a prompt stands in a list: the end, which holds the question, where it is long.
std::string sample_title(const std::string& prompt);

/// At most `limit` completions, spread over the run: whole groups from sample files at even
/// distances, the first and the last included.
SampleList read_samples(const std::filesystem::path& samples_folder, size_t limit);

}  // namespace gradus::runs
