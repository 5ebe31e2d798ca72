#pragma once

#include <string>

#include "runs/chain_view.h"

namespace gradus::cli {

/// The table of a chain's stages, and below it what became of sampled rows and gates that stayed
/// shut.
std::string chain_text(const runs::ChainView& chain);

}  // namespace gradus::cli
