#pragma once

#include "rl/plan/device_kind.h"
#include "rl/plan/stage_plan.h"

namespace gradus::rl {

/// The parts of plan_stage for a cluster of devices of one kind.

/// Memory of training per device, by part, in bytes. P_e are the routed experts' parameters, P_d
/// the others:
///
///   weights      (P_e / (ep pp) + P_d / (pp tp)) * 2, twice with DualPipe, over all replicas with
///                ZeRO-3
///   gradients    the same parameters * gradient_bytes, over the replicas from ZeRO-2 on
///   optimizer    * optimizer_bytes, over the replicas from ZeRO-1 on: devices / (ep pp) of the
///                experts, devices / (pp tp) of the others
///   activations  micro-batches in flight (pp, with DualPipe pp + 1) * tokens * layers / pp *
///                activation_factor * width * 2
///   logits       a chunk of rows * vocabulary * 4, and their gradient
///   overhead     of the sum
std::vector<std::pair<std::string, double>> training_memory(const StagePlanInput& input,
                                                            const Cluster& cluster,
                                                            const PlanAssumptions& assumptions);

/// bubble / (bubble + work) with F = 1, B = 2 of which the weights' gradient is W = 1, and a pair
/// of both F&B = 3: 1F1B (p - 1)(F + B), DualPipe (p / 2 - 1)(F&B + B - 3 W) (DualPipe's README);
/// work is m (F + B) for m micro-batches, with DualPipe those of one direction.
double bubble_share(const Cluster& cluster, double micro_batches);

/// Bytes that expert parallelism sends per token through all layers, forward and back: to at most
/// nodes_per_token nodes, 1 byte a number there (FP8) and 2 back.
double all_to_all_bytes(const policy::ModelConfig& model, const Cluster& cluster,
                        const PlanAssumptions& assumptions);

/// Mean FLOPs of a token in a sequence of `length` places, as published counts are made
/// (rl/learn/flops.h).
double forward_flops_per_token(const policy::ModelConfig& model, double length);

StagePlan plan_on_cluster(const StagePlanInput& input, const PlanBasis& basis);

}  // namespace gradus::rl
