#pragma once

#include <string>
#include <vector>

#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// Small things that ranks tell each other. All ranks call the same at the same place.

/// [R] every rank's text, in the order of ranks.
std::vector<std::string> gather_texts(Communicator& ranks, const std::string& own);

/// Rank 0's text, on every rank.
std::string text_of_first(Communicator& ranks, const std::string& own);

/// Whether any rank says so.
bool any_rank(Communicator& ranks, bool own);

/// What rank 0 says.
bool first_rank_says(Communicator& ranks, bool own);

}  // namespace gradus::rl
