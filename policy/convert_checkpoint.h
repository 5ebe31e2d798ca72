#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gradus::policy {

enum class CheckpointFormat { hugging_face, gguf };

struct ConversionTarget {
  std::filesystem::path path;
  CheckpointFormat format = CheckpointFormat::hugging_face;
  std::string dtype;  ///< "f32", "bf16", "f16", "q8_0" (GGUF), "fp8" (not GGUF); empty: as it is
};

/// The format that a path's suffix means: .gguf, else a Hugging Face directory.
CheckpointFormat format_of(const std::filesystem::path& path);

/// Writes a checkpoint of any format in another one, tokenizer and chat template included; weights
/// go through one at a time.
/// @return  what the user should know, one line each (e.g. there was no tokenizer to convert).
/// @throws ArgumentError  a dtype that the format does not have; FileError  the target exists,
///                        or what readers and writers refuse.
std::vector<std::string> convert_checkpoint(const std::filesystem::path& from,
                                            const ConversionTarget& target);

struct WeightedCheckpoint {
  std::filesystem::path path;
  double weight = 1.0;
};

/// Writes the sum of weight * tensor over checkpoints of one model (a "model soup", Wortsman et
/// al., arXiv:2203.05482, with weights that add up to 1) as a Hugging Face directory, which gives
/// way; config and tokenizer are the first one's. Sums are taken in float64.
/// @param dtype  as ConversionTarget::dtype.
/// @return  what the user should know. @throws FileError  kind "shape_mismatch"; as above.
std::vector<std::string> average_checkpoints(const std::vector<WeightedCheckpoint>& parts,
                                             const std::filesystem::path& target,
                                             const std::string& dtype);

}  // namespace gradus::policy
