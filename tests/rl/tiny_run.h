#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace gradus::rl {

enum class TinyTask { grpo, pretrain, sft };
/// latent: DeepSeek-V3's shape, with experts and a prediction module.
enum class TinyModel { dense, latent };

/// The smallest recipe that goes through everything: a fresh two-layer model, a generated task, a
/// rule whose rewards differ, evaluations, checkpoints and samples.
struct TinyRun {
  std::filesystem::path folder;  ///< holds recipe.toml, config.json and the run
  TinyTask task = TinyTask::grpo;
  TinyModel model = TinyModel::dense;

  std::filesystem::path recipe() const { return folder / "recipe.toml"; }
  std::filesystem::path run() const { return folder / "run"; }

  /// Writes the files.
  void write() const;
};

/// A whole file.
std::string file_text(const std::filesystem::path& path);

/// What must be equal between two runs of one recipe: lines of metrics.jsonl without their times
/// and speeds, the sample files, and the bytes of final/model.safetensors.
std::string deterministic_result(const std::filesystem::path& run);

}  // namespace gradus::rl
