#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "service/models/shared_policy.h"
#include "service/training/messages.h"

namespace gradus::service {

/// What one training client has of its own: adapters, their gradient and Adam's moments. A value:
/// its tensors are never changed in place, so that copies are cheap and snapshots free.
struct AdapterState {
  std::shared_ptr<const AdapterValues> values;
  std::shared_ptr<const AdapterValues> gradient;                     ///< null: 0
  std::shared_ptr<const std::map<std::string, at::Tensor>> moments;  ///< null: none yet
  int64_t num_steps = 0;
};

struct GradientRequest {
  std::string loss_fn;
  std::map<std::string, double> config;
  std::vector<TrainingDatum> data;
  bool forward_only = false;
};

/// Loss, inputs and settings belong together. @throws RequestError
void check_loss(const WireForwardBackward& wire, const std::vector<TrainingDatum>& data);

struct GradientResult {
  std::vector<std::vector<float>> logprobs;  ///< of each datum's targets
  std::map<std::string, double> metrics;     ///< "loss:sum"
};

/// Forward and, unless forward_only, backward with the trainer's own passes; the gradient is added
/// to the state's. Who fails changes nothing.
/// @throws RequestError  the loss or gradient is not finite.
GradientResult add_gradient(const SharedPolicy::Turn& turn, AdapterState& state,
                            const GradientRequest& request);

struct AdamSettings {
  double learning_rate = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-12;
  double weight_decay = 0.0;
  double grad_clip_norm = 0.0;  ///< 0: off
};

/// One step of the trainer's AdamW with the state's gradient, which is 0 afterwards.
/// @return  the gradient's norm. @throws RequestError  it is not finite; it is 0 afterwards, too.
double take_step(const SharedPolicy::Turn& turn, AdapterState& state, const AdamSettings& adam);

/// Writes adapters in PEFT's format. With `with_moments` also what training needs to go on, the
/// gradient included where `with_gradient`.
void save_state(const SharedPolicy::Turn& turn, const AdapterState& state,
                const std::filesystem::path& folder, bool with_moments, bool with_gradient);
/// @param with_moments  false: the optimizer begins anew. @throws FileError
AdapterState load_state(const SharedPolicy& shared, const std::filesystem::path& folder,
                        bool with_moments);

}  // namespace gradus::service
