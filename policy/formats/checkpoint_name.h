#pragma once

#include <filesystem>
#include <string>

namespace gradus::policy {

/// Where the checkpoint lies that a person calls `name`: a path, or OWNER/NAME of the Hugging Face
/// hub that is in the hub's cache ($HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub), of which
/// the snapshot of `main`, or the only one, is taken. Paths come first. What is neither comes back
/// as it is; nothing is fetched.
std::filesystem::path resolve_checkpoint_name(const std::string& name);

/// What to do about a name that led nowhere, "" where there is nothing to say: the command that
/// fetches a model of the hub.
std::string missing_checkpoint_advice(const std::string& name);

}  // namespace gradus::policy
