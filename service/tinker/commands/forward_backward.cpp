// Logprobs and loss of a batch and, unless only these are wanted, its gradient, which is added up.
#include "service/tinker/commands/training_command.h"
#include "service/training/messages.h"

namespace gradus::service {
namespace {

void check_forward_backward(std::string_view body, const ModelFacts& facts) {
  const auto wire = read_forward_backward(body);
  check_loss(wire, read_data(wire, {facts.vocab_size, facts.context_length}));
}

CommandResult run_forward_backward(CommandContext& context) {
  const auto wire = read_forward_backward(context.promise.body);
  GradientRequest request;
  request.loss_fn = wire.loss_fn;
  request.config = wire.config;
  request.data = read_data(wire, {context.facts.vocab_size, context.facts.context_length});
  request.forward_only = wire.forward_only;
  const SharedPolicy::Turn turn(context.shared);
  const auto gradient = add_gradient(turn, context.state, request);
  CommandResult result;
  result.is_protobuf = true;
  result.result = write_forward_backward_output(gradient.logprobs, gradient.metrics);
  return result;
}

}  // namespace

extern const TrainingCommand kForwardBackwardCommand{
    "forward_backward",  true, true, check_forward_backward, plain_forward_backward,
    run_forward_backward};

}  // namespace gradus::service
