#pragma once

#include <filesystem>

namespace gradus::policy {

/// Folds an adapter in PEFT's format into its base, as PEFT's merge_and_unload does, and writes the
/// result in float32 as a Hugging Face directory; one tensor is held at a time.
/// @param out  a new or empty folder.
/// @throws gradus::FileError  what base and adapter do not agree on; already_exists.
void merge_adapter(const std::filesystem::path& base, const std::filesystem::path& adapter,
                   const std::filesystem::path& out);

}  // namespace gradus::policy
