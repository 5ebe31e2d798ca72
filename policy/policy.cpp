#include "policy/policy.h"

#include "base/error.h"

namespace gradus::policy {
namespace {

[[noreturn]] void refuse_predictions() {
  throw ArgumentError(
      "the policy has no multi-token prediction modules (num_nextn_predict_layers); it can neither "
      "train nor draft with them");
}

}  // namespace

at::Tensor Policy::recorded_logits(const at::Tensor&, std::span<const int64_t>, ThreadTeam&) const {
  throw ArgumentError("the policy records no logits");
}

at::Tensor Policy::decode_hidden(const DecodeBatch&, KvCache&, ThreadTeam&) const {
  refuse_predictions();
}

at::Tensor Policy::predict(int, const at::Tensor&, const ShiftedBatch&, ThreadTeam&,
                           PredictionGradient) const {
  refuse_predictions();
}

Scores Policy::score_predictions(const at::Tensor&, const ScoreList&, PredictionGradient,
                                 ThreadTeam&) const {
  refuse_predictions();
}

at::Tensor Policy::draft(const DraftBatch&, KvCache&, ThreadTeam&) const {
  refuse_predictions();
}

}  // namespace gradus::policy
