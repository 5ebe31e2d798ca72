#include "rl/chain/gate.h"

#include "tests/catch.h"

namespace gradus::rl {
namespace {

TEST_CASE("a gate opens while the figure has not fallen too far") {
  StageGate gate;
  gate.metric = "accuracy";
  gate.max_fall = 0.05;
  const std::map<std::string, double> before{{"eval/accuracy", 0.8}};
  CHECK(gate_failure_of(gate, "zero", {{"eval/accuracy", 0.76}}, before).empty());
  CHECK(gate_failure_of(gate, "zero", {{"eval/accuracy", 0.74}}, before) ==
        "accuracy is 0.7400, 0.0600 below that of zero (0.8000); 0.0500 was allowed");
  gate.at_least = 0.9;
  CHECK(gate_failure_of(gate, "zero", {{"eval/accuracy", 0.85}}, before) ==
        "accuracy is 0.8500, must be at least 0.9000");
}

TEST_CASE("a figure that nobody measured opens no gate") {
  StageGate gate;
  gate.metric = "eval/pass@4";
  gate.at_least = 0.5;
  CHECK(gate_failure_of(gate, "", {{"eval/accuracy", 0.9}}, {}) ==
        "there is no eval/pass@4 in the evaluation; it has eval/accuracy");
}

}  // namespace
}  // namespace gradus::rl
