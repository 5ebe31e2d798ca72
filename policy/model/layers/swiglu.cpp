#include "policy/model/layers/swiglu.h"

namespace gradus::policy {
namespace {

class SwiGlu : public FeedForwardBlock {
 public:
  SwiGlu(const ModelConfig& c, int layer, WeightBuilder& builder) : activation_(c.activation) {
    if (c.norm_before) builder.norm(norm_.emplace(), {TensorRole::ffn_norm, layer}, c.rms_norm_eps);
    builder.linear(gate_, {TensorRole::gate, layer});
    builder.linear(up_, {TensorRole::up, layer});
    builder.linear(down_, {TensorRole::down, layer});
  }

  at::Tensor apply(const at::Tensor& h_TD, const at::Tensor& residual_TD,
                   const LayerCall& call) const override {
    const Linear* projections[] = {&gate_, &up_};
    const auto wide =
        call.ops.norm_linears(h_TD, norm_or_null(norm_), projections, call.use_adapters, call.team);
    return call.ops.gated_residual({wide[0], wide[1], activation_}, down_, residual_TD,
                                   call.use_adapters, call.team);
  }

 private:
  Activation activation_;
  std::optional<Norm> norm_;
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
