#include "rl/update/update_report.h"

namespace gradus::rl {

void add_update_metrics(const UpdateResult& update, double flops, Metrics& metrics) {
  const UpdateCost& cost = update.cost;
  const double seconds = cost.logprobs_s + cost.forward_backward_s + cost.optimizer_s;
  metrics["time/update"] = seconds;
  metrics["time/logprobs"] = cost.logprobs_s;
  metrics["time/forward_backward"] = cost.forward_backward_s;
  metrics["time/optimizer"] = cost.optimizer_s;
  if (cost.exchange_s > 0.0) metrics["time/exchange"] = cost.exchange_s;
  if (cost.forward_backward_s <= 0.0 || seconds <= 0.0) return;
  metrics["perf/trained_tokens_per_s"] =
      static_cast<double>(cost.trained_tokens) / cost.forward_backward_s;
  metrics["perf/update_gflops"] = flops / 1e9 / seconds;
}

}  // namespace gradus::rl
