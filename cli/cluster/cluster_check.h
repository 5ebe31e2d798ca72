#pragma once

#include <ostream>

#include "rl/parallel/communicator.h"

namespace gradus::cli {

/// `doctor --cluster`: what each rank is, and how fast ranks speak to each other. All ranks call
/// it; the first one writes.
/// @param out  of rank 0.
void check_cluster(rl::Communicator& ranks, std::ostream& out);

}  // namespace gradus::cli
