#include "service/training/adapter_training.h"

#include <ATen/core/Tensor.h>

#include "policy/policy.h"
#include "service/models/loaded_model.h"
#include "service/models/model_host.h"
#include "service/training/protobuf.h"
#include "tests/catch.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::service;
using gradus::tests::TemporaryFolder;

namespace {

TrainingDatum taught(float weight) {
  return {{5, 6, 7, 8, 9}, {6, 7, 8, 9, 10}, {{"weights", std::vector<float>(5, weight)}}};
}

}  // namespace

TEST_CASE("a message that is cut off is refused, and unknown fields are skipped",
          "[service][training]") {
  ProtoWriter message;
  message.bytes(1, "run");
  message.varint(2, 7);
  message.bytes(99, "later");
  message.bytes(4, "cross_entropy");
  const auto read = read_forward_backward(message.text());
  CHECK(read.model_id == "run");
  CHECK(read.seq_id == 7);
  CHECK(read.loss_fn == "cross_entropy");
  for (size_t size = 1; size < message.text().size(); ++size) {
    try {
      read_forward_backward(std::string_view(message.text()).substr(0, size));
    } catch (const WireError& error) {
      CHECK(std::string(error.what()).size() > 5);
    }
  }
  CHECK_THROWS_AS(read_forward_backward(std::string(40, '\xff')), WireError);
}

TEST_CASE("a tensor's packed shape is read whole or refused", "[service][training]") {
  const auto read = [](const std::string& shape) {
    ProtoWriter tensor;
    tensor.bytes(4, shape);
    ProtoWriter entry;
    entry.bytes(1, "weights");
    entry.bytes(2, tensor.text());
    ProtoWriter datum;
    datum.bytes(2, entry.text());
    ProtoWriter message;
    message.bytes(3, datum.text());
    return read_forward_backward(message.text()).data.at(0).inputs.at("weights").shape;
  };
  CHECK(read(std::string("\x05\xac\x02", 3)) == std::vector<int64_t>{5, 300});
  CHECK(read(std::string(16, '\x01')).size() == 16);
  CHECK_THROWS_AS(read(std::string(17, '\x01')), WireError);
  CHECK_THROWS_AS(read("\x05\xac"), WireError);
  CHECK_THROWS_AS(read(std::string(11, '\xff')), WireError);
}

TEST_CASE("training adapters lowers the loss, and a saved state goes on with the same bits",
          "[service][training]") {
  const TemporaryFolder folder;
  write_bundled_base(folder / "nano");
  SharedPolicy shared((folder / "nano").string(), {4}, ModelsConfig());
  AdapterState state;
  state.values = shared.fresh(1);
  const GradientRequest request{"cross_entropy", {}, {taught(1.0F)}, false};
  const auto step = [&](AdapterState& of) {
    const SharedPolicy::Turn turn(shared);
    const double loss = add_gradient(turn, of, request).metrics.at("loss:sum");
    take_step(turn, of, {1e-2});
    return loss;
  };
  const double first = step(state);
  for (int i = 0; i < 5; ++i) step(state);
  {
    const SharedPolicy::Turn turn(shared);
    save_state(turn, state, folder / "saved", true, true);
  }
  AdapterState again = load_state(shared, folder / "saved", true);
  CHECK(again.num_steps == 6);
  const double next = step(state);
  CHECK(next < first);
  CHECK(step(again) == next);
  CHECK(step(again) == step(state));
}

TEST_CASE("a loss that is not finite adds no gradient", "[service][training]") {
  const TemporaryFolder folder;
  write_bundled_base(folder / "nano");
  SharedPolicy shared((folder / "nano").string(), {4}, ModelsConfig());
  AdapterState state;
  state.values = shared.fresh(1);
  GradientRequest request{"importance_sampling", {}, {taught(1.0F)}, false};
  request.data[0].inputs = {{"logprobs", std::vector<float>(5, -1e30F)},
                            {"advantages", std::vector<float>(5, 1.0F)}};
  const SharedPolicy::Turn turn(shared);
  CHECK_THROWS_AS(add_gradient(turn, state, request), RequestError);
  CHECK(state.gradient == nullptr);
}
