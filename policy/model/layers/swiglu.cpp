#include "policy/model/layers/swiglu.h"

namespace gradus::policy {
namespace {

class SwiGlu : public FeedForwardBlock {
 public:
  SwiGlu(const ModelConfig& c, const std::string& prefix, WeightBuilder& builder) {
    builder.norm(norm_, prefix + "post_attention_layernorm", c.hidden_size,
                 static_cast<float>(c.rms_norm_eps));
    builder.linear(gate_, prefix + "mlp.gate_proj", c.intermediate_size, c.hidden_size, c.mlp_bias);
    builder.linear(up_, prefix + "mlp.up_proj", c.intermediate_size, c.hidden_size, c.mlp_bias);
    builder.linear(down_, prefix + "mlp.down_proj", c.hidden_size, c.intermediate_size, c.mlp_bias);
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

std::unique_ptr<FeedForwardBlock> make_swiglu(const ModelConfig& config, const std::string& prefix,
                                              WeightBuilder& builder) {
  return std::make_unique<SwiGlu>(config, prefix, builder);
}

}  // namespace gradus::policy
