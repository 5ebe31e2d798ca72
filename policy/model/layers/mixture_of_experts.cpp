// Shapes: T rows, D model width.
#include "policy/model/layers/mixture_of_experts.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace gradus::policy {
namespace {

kernels::RouterShape router_shape(const MoeConfig& moe) {
  kernels::RouterShape shape;
  shape.num_experts = static_cast<int>(moe.num_experts);
  shape.per_token = static_cast<int>(moe.num_experts_per_token);
  shape.num_groups = static_cast<int>(moe.num_groups);
  shape.kept_groups = static_cast<int>(moe.num_kept_groups);
  shape.scoring = moe.score == RouterScore::sigmoid ? kernels::RouterScoring::sigmoid
                                                    : kernels::RouterScoring::softmax;
  shape.normalize = moe.normalize;
  shape.scale = static_cast<float>(moe.scale);
  return shape;
}

/// Mixture layers before this one.
int mixture_index(const ModelConfig& c, int layer) {
  return static_cast<int>(std::count_if(
      c.layers.begin(), c.layers.begin() + layer,
      [](const LayerConfig& other) { return other.ffn == FfnKind::mixture_of_experts; }));
}

class MixtureOfExperts : public FeedForwardBlock {
 public:
  MixtureOfExperts(const ModelConfig& c, int layer, WeightBuilder& builder)
      : has_shared_(c.moe.num_shared_experts > 0) {
    if (c.norm_before) builder.norm(norm_.emplace(), {TensorRole::ffn_norm, layer}, c.rms_norm_eps);
    mixture_.layer = mixture_index(c, layer);
    mixture_.shape = router_shape(c.moe);
    mixture_.activation = c.activation;
    builder.router(mixture_.router, {TensorRole::router, layer});
    if (c.moe.has_choice_bias) {
      builder.buffer(mixture_.choice_bias.emplace(), {TensorRole::router_bias, layer});
    }
    const auto count = static_cast<size_t>(c.moe.num_experts);
    for (auto* experts : {&mixture_.gate, &mixture_.up, &mixture_.down}) experts->resize(count);
    for (size_t e = 0; e < count; ++e) {
      const auto number = static_cast<int64_t>(e);
      builder.linear(mixture_.gate[e], {TensorRole::expert_gate, layer, number});
      builder.linear(mixture_.up[e], {TensorRole::expert_up, layer, number});
      builder.linear(mixture_.down[e], {TensorRole::expert_down, layer, number});
    }
    if (!has_shared_) return;
    builder.linear(shared_gate_, {TensorRole::shared_gate, layer});
    builder.linear(shared_up_, {TensorRole::shared_up, layer});
    builder.linear(shared_down_, {TensorRole::shared_down, layer});
  }

  at::Tensor apply(const at::Tensor& h_TD, const at::Tensor& residual_TD,
                   const LayerCall& call) const override {
    auto y_TD = residual_TD;
    if (has_shared_) {
      const Linear* projections[] = {&shared_gate_, &shared_up_};
      const auto wide = call.ops.norm_linears(h_TD, norm_or_null(norm_), projections,
                                              call.use_adapters, call.team);
      y_TD = call.ops.gated_residual({wide[0], wide[1], mixture_.activation}, shared_down_,
                                     residual_TD, call.use_adapters, call.team);
    }
    return call.ops.mixture_residual(h_TD, norm_or_null(norm_), mixture_, y_TD, call.use_adapters,
                                     call.routing, call.team);
  }

 private:
  std::optional<Norm> norm_;
  Mixture mixture_;
  bool has_shared_;
  Linear shared_gate_;
  Linear shared_up_;
  Linear shared_down_;
};

}  // namespace

std::unique_ptr<FeedForwardBlock> make_mixture_of_experts(const ModelConfig& config, int layer,
                                                          WeightBuilder& builder) {
  if (config.moe.num_experts >= ExpertChoices::kUnknown) {
    throw ArgumentError("a mixture of " + std::to_string(config.moe.num_experts) +
                        " experts; choices are kept in 16 bits");
  }
  return std::make_unique<MixtureOfExperts>(config, layer, builder);
}

}  // namespace gradus::policy
