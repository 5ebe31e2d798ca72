#include "policy/model/decoder.h"

namespace gradus::policy {

void Decoder::make_sampler(const TensorSource& source, ThreadTeam& team,
                           const LiveAdapters* adapters) {
  sampler_ = std::make_unique<Decoder>(config_, model_, Purpose::inference, source, team, adapters);
  TORCH_CHECK(sampler_->vectors_.size() == vectors_.size(), "the sampler has other vectors");
  TORCH_CHECK(sampler_->weights_.size() == weights_.size(), "the sampler has other matrices");
  // One memory: what the optimizer changes is changed in both.
  for (size_t i = 0; i < vectors_.size(); ++i) sampler_->vectors_[i]->value = vectors_[i]->value;
  sampler_->embedding_.weight.value = embedding_.weight.value;
  weight_bytes_ += sampler_->weight_bytes_;
}

void Decoder::publish_to_sampler(ThreadTeam& team) {
  for (size_t i = 0; i < weights_.size(); ++i) {
    if (!weights_[i]->is_trained()) continue;
    sampler_->ops_->publish(*sampler_->weights_[i], weights_[i]->value, team);
  }
  const Ops& ops = *sampler_->ops_;
  for (size_t l = 0; l < layers_.size(); ++l) {
    sampler_->layers_[l]->publish(*layers_[l], ops, team);
  }
  for (size_t k = 0; k < modules_.size(); ++k) {
    sampler_->modules_[k]->publish(*modules_[k], ops, team);
  }
}

}  // namespace gradus::policy
