#include "policy/model/layers/swiglu.h"

namespace gradus::policy {
namespace {

class SwiGlu : public FeedForwardBlock {
 public:
  SwiGlu(const ModelConfig& c, int layer, WeightBuilder& builder) {
    builder.norm(norm_, {TensorRole::ffn_norm, layer}, c.rms_norm_eps);
    builder.linear(gate_, {TensorRole::gate, layer});
    builder.linear(up_, {TensorRole::up, layer});
    builder.linear(down_, {TensorRole::down, layer});
  }

  at::Tensor apply(const at::Tensor& h_TD, const LayerCall& call) const override {
    const Linear* projections[] = {&gate_, &up_};
    const auto wide = call.ops.norm_linears(h_TD, norm_, projections, call.use_adapters, call.team);
    return call.ops.swiglu_residual(wide[0], wide[1], down_, h_TD, call.use_adapters, call.team);
  }

 private:
  Norm norm_;
  Linear gate_;
  Linear up_;
  Linear down_;
};

}  // namespace

std::unique_ptr<FeedForwardBlock> make_swiglu(const ModelConfig& config, int layer,
                                              WeightBuilder& builder) {
  return std::make_unique<SwiGlu>(config, layer, builder);
}

}  // namespace gradus::policy
