#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "policy/formats/model_config.h"
#include "policy/kernels/matrix.h"
#include "policy/kernels/router.h"

namespace gradus::policy {

/// The experts that rows were sent to, in every mixture layer of the model (prediction modules left
/// out): [rows, layers, K], ascending within a row and layer.
struct ExpertChoices {
  static constexpr uint16_t kUnknown = 0xFFFF;  ///< of a row whose choices nobody kept

  int64_t layers = 0;
  int64_t per_token = 0;
  std::vector<uint16_t> experts;

  int64_t row_size() const { return layers * per_token; }
  int64_t num_rows() const { return row_size() == 0 ? 0 : std::ssize(experts) / row_size(); }
  std::span<const uint16_t> row(int64_t r) const {
    return std::span(experts).subspan(static_cast<size_t>(r * row_size()),
                                      static_cast<size_t>(row_size()));
  }
};

/// What one mixture layer did with the rows of some passes.
struct ExpertLoad {
  std::vector<int64_t> rows;  ///< [E] rows sent to each expert
  int64_t num_rows = 0;       ///< rows seen
  double entropy_sum = 0.0;   ///< over rows, nats: of the scores divided by their sum
  double balance_loss = 0.0;
  int64_t num_compared = 0;   ///< choices (K a row) that were given beside
  int64_t num_differing = 0;  ///< of them, those that the router would not have made
};

/// What the mixture layers of a call are told, and what they note. Shapes: T rows of the batch.
struct RoutingPass {
  /// Choices of the sampler, [T, layers, K]; null: none.
  const ExpertChoices* given = nullptr;
  /// Rows are sent where `given` says, with this pass's own scores as weights (rollout routing
  /// replay, arXiv:2510.11370); else `given` is compared alone.
  bool replays = false;
  /// Weight of the sequence-wise balance loss per sequence, added to the gradient when the layer's
  /// output is differentiated; a shared prompt counts as a sequence of its own, once in a step.
  double balance_weight = 0.0;
  bool measures = false;       ///< fills `loads`, adding to what is there
  bool keeps_choices = false;  ///< fills `choices`
  bool keeps_weights = false;  ///< fills `weights` beside `choices`

  /// By mixture layer, those of prediction modules behind the model's own.
  std::vector<ExpertLoad> loads;
  ExpertChoices choices;       ///< [T, layers, K]
  std::vector<float> weights;  ///< [T, layers, K] what the chosen experts' outputs count
};

/// Mixture layers of the model itself, or with those of its prediction modules.
int64_t num_mixture_layers(const ModelConfig& config, bool with_prediction_modules = false);

/// Sizes pass->choices for a call of `rows` rows where they are to be kept. @param pass  may be
/// null.
void make_room_for_choices(RoutingPass* pass, const ModelConfig& config, int64_t rows);

/// A call's routing as its layers see it.
struct LayerRouting {
  RoutingPass* pass = nullptr;
  /// [S] rows of the sequences, which lie end to end; null: the balance loss is not wanted.
  std::shared_ptr<const std::vector<int64_t>> lengths;
  /// [T] 0: a row of a repeated segment, which is neither noted nor balanced; null: there is none.
  std::shared_ptr<const std::vector<uint8_t>> counted;

  bool counts(int64_t row) const {
    return counted == nullptr || (*counted)[static_cast<size_t>(row)] != 0;
  }
  bool is_repeated = false;  ///< the layer ran before in this call: nothing is noted again
};

/// Chooses the experts of a layer's rows as the call says, and notes what is wanted.
///
/// @param layer   index among the mixture layers.
/// @param scores  [T, E] on the CPU.  @param bias  [E], or null.
/// @return        [T * K], ascending within a row.
/// @throws gradus::ArgumentError  given choices that are not the model's.
std::vector<int32_t> route(kernels::ConstMatrix scores, const float* bias,
                           const kernels::RouterShape& shape, int layer,
                           const LayerRouting& routing, ThreadTeam& team);

/// Of a layer's balance loss; null where it is not wanted.
std::shared_ptr<const kernels::SequenceBalance> balance_of(std::span<const int32_t> chosen,
                                                           const kernels::RouterShape& shape,
                                                           const LayerRouting& routing);

/// Notes the balance loss of a layer.
void note_balance(double loss, int layer, const LayerRouting& routing);

}  // namespace gradus::policy
