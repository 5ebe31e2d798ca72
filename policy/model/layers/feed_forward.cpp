#include "policy/model/layers/feed_forward.h"

#include "policy/model/layers/mixture_of_experts.h"
#include "policy/model/layers/swiglu.h"

namespace gradus::policy {

std::unique_ptr<FeedForwardBlock> make_feed_forward(const ModelConfig& config, int layer,
                                                    WeightBuilder& builder) {
  const FfnKind kind = config.layers[static_cast<size_t>(layer)].ffn;
  return kind == FfnKind::mixture_of_experts ? make_mixture_of_experts(config, layer, builder)
                                             : make_swiglu(config, layer, builder);
}

}  // namespace gradus::policy
