// The decoder's multi-token prediction modules: in packed batches, and as the draft of rollouts.
// Shapes: T rows of the shifted batch, D width.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>

#include <algorithm>

#include "base/error.h"
#include "policy/model/decoder.h"
#include "policy/model/layers/attention.h"

namespace gradus::policy {
namespace {

at::Tensor hidden_rows(const at::Tensor& hidden, const std::vector<int64_t>& rows) {
  // index_select only reads the ids; from_blob has no const form. Cloned: autograd keeps them.
  const auto ids =
      at::from_blob(const_cast<int64_t*>(rows.data()), {std::ssize(rows)}, at::kLong).clone();
  return at::index_select(hidden, 0, ids.to(hidden.device()));
}

int32_t last_position(const std::vector<int32_t>& positions) {
  return positions.empty() ? 0 : std::max(0, *std::ranges::max_element(positions));
}

}  // namespace

const PredictionModule& Decoder::module(int k) const {
  TORCH_CHECK(k >= 0 && k < std::ssize(modules_), "the model has no prediction module ", k + 1);
  return *modules_[static_cast<size_t>(k)];
}

at::Tensor Decoder::predict(int k, const at::Tensor& hidden, const ShiftedBatch& shifted,
                            ThreadTeam& team, PredictionGradient gradient) const {
  const PredictionModule& module = this->module(k);
  check_tokens(shifted.batch.tokens);
  auto hidden_TD = hidden_rows(hidden, shifted.source);
  at::Tensor embedded_TD;
  if (gradient == PredictionGradient::module_alone) {
    {
      const at::NoGradGuard no_grad;
      embedded_TD = ops_->embedding(embedding_.weight, shifted.batch.tokens, team);
    }
    // Leaves, so that what is above them is recorded.
    const bool records = at::GradMode::is_enabled();
    embedded_TD = embedded_TD.detach().requires_grad_(records);
    hidden_TD = hidden_TD.detach().requires_grad_(records);
  } else {
    embedded_TD = ops_->embedding(embedding_.weight, shifted.batch.tokens, team);
  }
  const auto positions = std::make_shared<const std::vector<int32_t>>(shifted.batch.positions);
  const int layer = static_cast<int>(model_.num_layers) + k;
  const auto [rope, local_rope] = rope_tables(last_position(*positions) + 1);
  const LayerCall call{
      *ops_, team,       positions,
      rope,  local_rope, ops_->plan(shifted.batch, attention_args(model_, layer), team),
      false, false,      routing_of(shifted.batch)};
  return module.apply(embedded_TD, hidden_TD, call);
}

Scores Decoder::score_predictions(const at::Tensor& hidden, const ScoreList& list,
                                  PredictionGradient gradient, ThreadTeam& team) const {
  check_tokens(list.targets);
  return ops_->score(hidden, head(), list, 1.0, config_.head_chunk_rows, team,
                     {true, gradient == PredictionGradient::everything});
}

at::Tensor Decoder::decode_hidden(const DecodeBatch& batch, KvCache& cache,
                                  ThreadTeam& team) const {
  if (sampler_ != nullptr) return sampler_->decode_hidden(batch, cache, team);
  at::NoGradGuard no_grad;
  check_tokens(batch.tokens);
  const auto positions = std::make_shared<const std::vector<int32_t>>(batch.places);
  make_room_for_choices(batch.routing, model_, std::ssize(batch.tokens));
  const auto [rope, local_rope] = rope_tables(last_position(*positions) + 1);
  const LayerCall call{*ops_, team,       positions,
                       rope,  local_rope, ops_->plan(batch, cache, team),
                       true,  true,       {batch.routing, nullptr, nullptr, false}};
  auto x_TD = ops_->embedding(embedding_.weight, batch.tokens, team);
  for (const auto& layer : layers_) x_TD = layer->apply(x_TD, call);
  return ops_->norm(x_TD, final_norm_, 1, team);
}

at::Tensor Decoder::decode(const DecodeBatch& batch, KvCache& cache, ThreadTeam& team) const {
  return logits(decode_hidden(batch, cache, team), batch.logit_rows, team);
}

at::Tensor Decoder::draft(const DraftBatch& draft, KvCache& cache, ThreadTeam& team) const {
  if (sampler_ != nullptr) return sampler_->draft(draft, cache, team);
  at::NoGradGuard no_grad;
  check_tokens(draft.rows.tokens);
  // As in a packed batch: the position is that of the hidden state.
  auto places = draft.rows.places;
  for (int32_t& place : places) --place;
  const auto positions = std::make_shared<const std::vector<int32_t>>(std::move(places));
  const auto [rope, local_rope] = rope_tables(last_position(*positions) + 1);
  const LayerCall call{*ops_, team,       positions,
                       rope,  local_rope, ops_->plan(draft.rows, cache, team),
                       true,  true,       {}};
  const auto embedded_TD = ops_->embedding(embedding_.weight, draft.rows.tokens, team);
  return logits(module(0).apply(embedded_TD, draft.hidden, call), draft.rows.logit_rows, team);
}

}  // namespace gradus::policy
