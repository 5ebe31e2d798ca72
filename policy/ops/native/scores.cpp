// Shapes: T rows, D width, S scored tokens, V vocabulary.
#include "policy/ops/native/scores.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "policy/kernels/rowwise.h"
#include "policy/kernels/softmax.h"
#include "policy/ops/autograd.h"
#include "policy/ops/native/linear.h"
#include "policy/ops/tensor_views.h"

namespace gradus::policy {
namespace {

at::Tensor gather_hidden(const at::Tensor& hidden, std::span<const int64_t> rows) {
  // index_select only reads the ids; from_blob has no const form.
  const auto ids = at::from_blob(const_cast<int64_t*>(rows.data()), {std::ssize(rows)}, at::kLong);
  return at::index_select(hidden, 0, ids);
}

/// What the backward pass keeps of the forward pass, besides the hidden states.
struct KeptScores {
  at::Tensor lse_S;
  at::Tensor entropies_S;
};

at::Tensor score_gradient(const at::Tensor& hidden, const Linear& head, const ScoreList& list,
                          const ScoreOptions& options, const KeptScores& kept,
                          const Gradients& grads, ThreadTeam& team) {
  if (!grads[0].defined() && !grads[1].defined()) return at::Tensor();
  const auto type = kernel_type(options.dtype);
  const auto inverse = static_cast<float>(1.0 / options.temperature);
  auto dhidden_TD = at::zeros({hidden.size(0), hidden.size(1)}, at::kFloat);
  const auto dlogprobs =
      grads[0].defined() ? grads[0].contiguous() : at::zeros({kept.lse_S.size(0)}, at::kFloat);
  const auto dentropies = grads[1].defined() ? grads[1].contiguous() : at::Tensor();
  const NativeLinear product(head, options.head.adapters, options.dtype, team);
  kernels::PackedMatrix columns;
  columns.pack(team, rows_of(head.weight.value), kernels::PackedMatrix::Source::rows_are_inputs,
               type);
  const int64_t count = std::ssize(list.rows);
  for (int64_t begin = 0; begin < count; begin += options.chunk_rows) {
    const int64_t n = std::min<int64_t>(options.chunk_rows, count - begin);
    const auto rows = std::span(list.rows).subspan(begin, n);
    const auto h = gather_hidden(hidden, rows);
    auto z = product.apply_float(h);
    const auto dz = new_rows(n, head.weight.out, options.dtype);
    kernels::target_logprobs_backward(
        team, rows_of(z), std::span(list.targets).subspan(begin, n), inverse,
        floats(kept.lse_S) + begin, floats(kept.entropies_S) + begin, floats(dlogprobs) + begin,
        dentropies.defined() ? floats(dentropies) + begin : nullptr, rows_of(dz));
    z.reset();
    if (options.head.trained) add_weight_gradient(head.weight, dz, h, type, team);
    auto dh = new_rows(n, hidden.size(1), at::kFloat);
    kernels::matmul(team, rows_of(dz), columns, rows_of(dh));
    product.adapter_backward(h, dz, dh, options.head.trained);
    // A prompt's last row may be scored many times: rows are added in the list's order.
    kernels::embedding_backward(team, rows, rows_of(dh), rows_of(dhidden_TD));
  }
  return dhidden_TD;
}

// Shapes: R rows of logits.
at::Tensor logits_gradient(const at::Tensor& hidden, const Linear& head,
                           std::span<const int64_t> rows, const at::Tensor& grad_RV,
                           at::ScalarType dtype, ThreadTeam& team) {
  auto dhidden_TD = at::zeros({hidden.size(0), hidden.size(1)}, at::kFloat);
  if (!grad_RV.defined()) return dhidden_TD;
  const auto type = kernel_type(dtype);
  const NativeLinear product(head, true, dtype, team);
  kernels::PackedMatrix columns;
  columns.pack(team, rows_of(head.weight.value), kernels::PackedMatrix::Source::rows_are_inputs,
               type);
  const auto h = gather_hidden(hidden, rows);
  const auto dz = new_rows(std::ssize(rows), head.weight.out, dtype);
  dz.copy_(grad_RV);
  add_weight_gradient(head.weight, dz, h, type, team);
  auto dh = new_rows(std::ssize(rows), hidden.size(1), at::kFloat);
  kernels::matmul(team, rows_of(dz), columns, rows_of(dh));
  product.adapter_backward(h, dz, dh);
  // A prompt's last row may stand many times: rows are added in the list's order.
  kernels::embedding_backward(team, rows, rows_of(dh), rows_of(dhidden_TD));
  return dhidden_TD;
}

}  // namespace

at::Tensor native_recorded_logits(const at::Tensor& hidden, const Linear& head,
                                  std::span<const int64_t> rows, at::ScalarType dtype,
                                  ThreadTeam& team) {
  const auto logits = native_logits(hidden.detach(), head, rows, dtype, team);
  if (!is_recorded({hidden})) return logits;
  record({hidden}, {logits}, "logits",
         [hidden = hidden.detach(), &head, kept = std::vector<int64_t>(rows.begin(), rows.end()),
          dtype, &team](const Gradients& grads) {
           return Gradients{logits_gradient(hidden, head, kept, grads[0], dtype, team)};
         });
  return logits;
}

at::Tensor native_logits(const at::Tensor& hidden, const Linear& head,
                         std::span<const int64_t> rows, at::ScalarType dtype, ThreadTeam& team) {
  return NativeLinear(head, true, dtype, team).apply_float(gather_hidden(hidden, rows));
}

Scores native_score(const at::Tensor& hidden, const Linear& head, const ScoreList& list,
                    const ScoreOptions& options, ThreadTeam& team) {
  const int64_t count = std::ssize(list.rows);
  Scores scores{at::empty({count}, at::kFloat), at::empty({count}, at::kFloat)};
  const auto lse = at::empty({count}, at::kFloat);
  const auto inverse = static_cast<float>(1.0 / options.temperature);
  const NativeLinear product(head, options.head.adapters, options.dtype, team);
  for (int64_t begin = 0; begin < count; begin += options.chunk_rows) {
    const int64_t n = std::min<int64_t>(options.chunk_rows, count - begin);
    const auto z =
        product.apply_float(gather_hidden(hidden.detach(), std::span(list.rows).subspan(begin, n)));
    kernels::target_logprobs(team, rows_of(z), std::span(list.targets).subspan(begin, n), inverse,
                             scores.logprobs.data_ptr<float>() + begin,
                             scores.entropies.data_ptr<float>() + begin,
                             lse.data_ptr<float>() + begin);
  }
  if (!is_recorded({hidden})) return scores;
  record({hidden}, {scores.logprobs, scores.entropies}, "score",
         [hidden = hidden.detach(), &head, list, options,
          kept = KeptScores{lse, scores.entropies.detach()}, &team](const Gradients& grads) {
           return Gradients{score_gradient(hidden, head, list, options, kept, grads, team)};
         });
  return scores;
}

}  // namespace gradus::policy
