#pragma once

#include "rl/collect/group.h"
#include "rl/parallel/bytes.h"

namespace gradus::rl {

/// A graded group on its way to other ranks, which know its prompt and the rules: completions,
/// grades and rewards; of the prompt, the experts that the sampler chose. What later steps add to a
/// group stays here.
void write(const Group& group, ByteWriter& out);

/// Fills in what `write` wrote. @throws PeerError  the bytes are no group.
void read(Group& group, ByteReader& in);

}  // namespace gradus::rl
