#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "policy/ops/routing.h"
#include "policy/ops/scores.h"
#include "rl/learn/prediction_loss.h"
#include "rl/parallel/bytes.h"

namespace gradus::rl {

/// What one microbatch's passes gave, as far as figures are made of it: enough for ranks that did
/// not compute it to have the same figures. Shapes: S scored tokens.
struct MicrobatchRecord {
  policy::Scores scores;  ///< [S] on the CPU, without autograd
  PredictionLoss::Part prediction;
  std::vector<policy::ExpertLoad> loads;
};

void write(const MicrobatchRecord& record, ByteWriter& out);
/// @throws PeerError  the bytes are no record.
MicrobatchRecord read_microbatch_record(ByteReader& in);

}  // namespace gradus::rl
