// Shapes: T rows, D model width.
#include "policy/model/layers/mixture_of_experts.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "policy/formats/layer_tensors.h"

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

/// Names and shapes of a layer's tensors, by what they do.
class LayerNames {
 public:
  LayerNames(const ModelConfig& c, int layer, std::string prefix)
      : tensors_(layer_tensors(c, layer)), prefix_(std::move(prefix)) {}

  const LayerTensor& tensor(TensorRole role) const {
    const auto found = std::ranges::find(tensors_, role, &LayerTensor::role);
    TORCH_CHECK(found != tensors_.end(), "a mixture without one of its tensors");
    return *found;
  }
  std::string name(TensorRole role) const { return prefix_ + std::string(tensor(role).stem); }
  std::string expert(TensorRole role, int64_t number) const {
    std::string name = this->name(role);
    return name.replace(name.find("{}"), 2, std::to_string(number));
  }

 private:
  std::vector<LayerTensor> tensors_;
  std::string prefix_;
};

class MixtureOfExperts : public FeedForwardBlock {
 public:
  MixtureOfExperts(const ModelConfig& c, int layer, const std::string& prefix,
                   WeightBuilder& builder)
      : has_shared_(c.moe.num_shared_experts > 0) {
    const LayerNames names(c, layer, prefix);
    builder.norm(norm_, names.name(TensorRole::ffn_norm), c.hidden_size,
                 static_cast<float>(c.rms_norm_eps));
    mixture_.layer = mixture_index(c, layer);
    mixture_.shape = router_shape(c.moe);
    builder.router(mixture_.router, names.name(TensorRole::router), c.moe.num_experts,
                   c.hidden_size);
    if (c.moe.has_choice_bias) {
      builder.buffer(mixture_.choice_bias.emplace(), names.name(TensorRole::router_bias),
                     c.moe.num_experts);
    }
    const auto count = static_cast<size_t>(c.moe.num_experts);
    for (auto* experts : {&mixture_.gate, &mixture_.up, &mixture_.down}) experts->resize(count);
    for (size_t e = 0; e < count; ++e) {
      const auto number = static_cast<int64_t>(e);
      const auto add = [&](Linear& linear, TensorRole role) {
        const auto& shape = names.tensor(role).shape;
        builder.linear(linear, names.expert(role, number), shape[0], shape[1], false);
      };
      add(mixture_.gate[e], TensorRole::expert_gate);
      add(mixture_.up[e], TensorRole::expert_up);
      add(mixture_.down[e], TensorRole::expert_down);
    }
    if (has_shared_) add_shared(names, builder);
  }

  at::Tensor apply(const at::Tensor& h_TD, const LayerCall& call) const override {
    auto y_TD = h_TD;
    if (has_shared_) {
      const Linear* projections[] = {&shared_gate_, &shared_up_};
      const auto wide =
          call.ops.norm_linears(h_TD, norm_, projections, call.use_adapters, call.team);
      y_TD = call.ops.swiglu_residual(wide[0], wide[1], shared_down_, h_TD, call.use_adapters,
                                      call.team);
    }
    return call.ops.mixture_residual(h_TD, norm_, mixture_, y_TD, call.use_adapters, call.routing,
                                     call.team);
  }

 private:
  void add_shared(const LayerNames& names, WeightBuilder& builder) {
    const auto add = [&](Linear& linear, TensorRole role) {
      const auto& shape = names.tensor(role).shape;
      builder.linear(linear, names.name(role), shape[0], shape[1], false);
    };
    add(shared_gate_, TensorRole::shared_gate);
    add(shared_up_, TensorRole::shared_up);
    add(shared_down_, TensorRole::shared_down);
  }

  Norm norm_;
  Mixture mixture_;
  bool has_shared_;
  Linear shared_gate_;
  Linear shared_up_;
  Linear shared_down_;
};

}  // namespace

std::unique_ptr<FeedForwardBlock> make_mixture_of_experts(const ModelConfig& config, int layer,
                                                          const std::string& prefix,
                                                          WeightBuilder& builder) {
  if (config.moe.num_experts >= ExpertChoices::kUnknown) {
    throw ArgumentError("a mixture of " + std::to_string(config.moe.num_experts) +
                        " experts; choices are kept in 16 bits");
  }
  return std::make_unique<MixtureOfExperts>(config, layer, prefix, builder);
}

}  // namespace gradus::policy
