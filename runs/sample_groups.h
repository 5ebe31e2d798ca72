#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gradus::runs {

/// Completions of one prompt in a step's sample file.
struct SampledGroup {
  std::string prompt_id;
  std::string prompt;
  std::vector<nlohmann::json> completions;  ///< lines of rl/observe/samples.h
};

/// Steps that left their samples, ascending.
std::vector<int64_t> sampled_steps(const std::filesystem::path& run);

/// Groups of one of them, `limit` at most from `first` on, and how many there are.
struct GroupPage {
  std::vector<SampledGroup> groups;
  int64_t total = 0;
};
/// @throws FileError  missing, damaged, or a link that leads elsewhere.
GroupPage read_groups(const std::filesystem::path& run, int64_t step, int64_t first, int64_t limit);

}  // namespace gradus::runs
