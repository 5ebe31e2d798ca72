#include "policy/weights/peft/adapted_checkpoint.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/families/family.h"
#include "policy/formats/tensor_names.h"

namespace gradus::policy {

AdaptedCheckpoint::AdaptedCheckpoint(std::shared_ptr<const CheckpointSource> base,
                                     std::shared_ptr<const AdapterFile> adapter, AdapterPlan plan)
    : base_(std::move(base)),
      adapter_(std::move(adapter)),
      plan_(std::move(plan)),
      tensors_(base_->tensors()) {
  warnings_ = base_->warnings();
  const ModelConfig model = parse_model_config(plan_.config, base_->config_path());
  // A tied head that lies in the file all the same is what its embedding was.
  if (model.tie_word_embeddings) tensors_.erase(tensor_name(model, TensorRole::head));
  for (const TensorSpec& spec : expected_tensors(model)) {
    if (plan_.edits.count(spec.name) == 0) continue;
    TensorInfo& info = tensors_[spec.name];
    info = TensorInfo{};
    info.name = spec.name;
    info.shape = spec.shape;
    info.num_elements = *shape_elements(spec.shape);
    info.num_bytes = info.num_elements * sizeof(float);
  }
}

void AdaptedCheckpoint::read_side(const std::string& name, const std::vector<int64_t>& shape,
                                  std::span<float> out) const {
  adapter_->read(name, shape, out);
}

at::Tensor AdaptedCheckpoint::side(const std::string& name) const {
  const auto& shape = adapter_->tensors().info(name).shape;
  const auto values = at::empty(shape, at::kFloat);
  adapter_->read(name, shape, {values.data_ptr<float>(), static_cast<size_t>(values.numel())});
  return values;
}

void AdaptedCheckpoint::read_replacement(const TensorEdit& edit, std::span<float> out) const {
  const auto& info = adapter_->tensors().info(edit.replacement);
  if (info.num_elements == out.size()) return adapter_->read(edit.replacement, info.shape, out);
  const at::Tensor all = side(edit.replacement);
  std::copy_n(all.data_ptr<float>() + edit.first, out.size(), out.data());
}

void AdaptedCheckpoint::add_product(const LowRankProduct& product, const TensorInfo& info,
                                    std::span<float> out) const {
  at::Tensor a = side(product.a);
  at::Tensor b = side(product.b);
  if (product.form == LowRankProduct::Form::expert) {
    const int64_t r = product.rank;
    const int64_t experts = a.size(0) / r;
    a = a.narrow(0, product.expert * r, r);
    // Of B's columns, those of an expert stand E apart.
    b = b.reshape({b.size(0), r, experts}).select(2, product.expert);
    b = b.narrow(0, product.first_row, info.shape[0]);
  }
  at::Tensor delta = b.matmul(a);
  if (product.form == LowRankProduct::Form::embedding) delta = delta.t();
  delta = delta.mul(product.scale).contiguous();
  for (size_t i = 0; i < out.size(); ++i) out[i] += delta.data_ptr<float>()[i];
}

void AdaptedCheckpoint::read_values(const TensorInfo& info, std::span<float> out) const {
  const auto found = plan_.edits.find(info.name);
  // What is not finite is the caller's to refuse.
  if (found == plan_.edits.end()) return base_->read_f32(info.name, out, NonFinite::allow);
  const TensorEdit& edit = found->second;
  if (!edit.replacement.empty()) {
    read_replacement(edit, out);
  } else if (!edit.base.empty()) {
    base_->read_f32(edit.base, out, NonFinite::allow);
  } else {
    std::ranges::fill(out, 0.0F);
  }
  for (const LowRankProduct& product : edit.products) add_product(product, info, out);
  if (!edit.rows.empty()) {
    const at::Tensor rows = side(edit.rows);
    const int64_t width = info.shape[1];
    for (size_t i = 0; i < edit.row_numbers.size(); ++i) {
      std::copy_n(rows.data_ptr<float>() + static_cast<int64_t>(i) * width, width,
                  out.data() + edit.row_numbers[i] * width);
    }
  }
  if (edit.bias.empty()) return;
  const at::Tensor bias = side(edit.bias);
  for (size_t i = 0; i < out.size(); ++i) out[i] += edit.bias_scale * bias.data_ptr<float>()[i];
}

std::string AdaptedCheckpoint::file_of(const TensorInfo& info) const {
  return plan_.edits.count(info.name) > 0 && adapter_ != nullptr ? adapter_->path()
                                                                 : path().string();
}

PolicyCheckpoint open_policy_checkpoint(const PolicyConfig& config, LiveProducts live) {
  PolicyCheckpoint opened;
  opened.source = open_checkpoint(config.path);
  const ModelConfig base = load_model_config(*opened.source);
  check_tensors(base, *opened.source);
  AdapterPlan plan;
  std::shared_ptr<const AdapterFile> adapter;
  if (!config.lora.path.empty()) {
    adapter = std::make_shared<AdapterFile>(config.lora.path);
    plan = plan_adapter(*adapter, base, live);
  } else {
    const auto& targets = config.lora.targets;
    const bool adapts_head =
        config.lora.rank > 0 &&
        std::ranges::find(targets, family_of(base).stem(TensorRole::head)) != targets.end();
    if (!adapts_head || !base.tie_word_embeddings) return opened;
    plan = plan_untied_head(base);
  }
  opened.adapted =
      std::make_shared<AdaptedCheckpoint>(opened.source, std::move(adapter), std::move(plan));
  opened.source = opened.adapted;
  return opened;
}

}  // namespace gradus::policy
