#pragma once

#include <filesystem>

#include "policy/formats/checkpoint_source.h"
#include "policy/formats/hf/hf_writer.h"

namespace gradus::policy {

/// Adds to a checkpoint that is to be written what stands beside the weights of `source`: the
/// tokenizer and the generation settings.
/// @param adapter  folder of the adapter that changed `source`; empty: none. Where it changed the
///                 vocabulary's size, its tokenizer is the one, if it has any.
/// @throws gradus::FileError  link_outside: a file that is a link out of its folder.
void add_companions(HfCheckpoint& out, const CheckpointSource& source,
                    const std::filesystem::path& adapter);

}  // namespace gradus::policy
