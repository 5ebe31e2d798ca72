// Promises of training and samples outlive a server that is killed, and end with the same bits.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/catch.h"
#include "tests/service/server_process.h"
#include "tests/service/tinker_client.h"
#include "tests/support/temporary_folder.h"

using namespace gradus::service;
using gradus::tests::TemporaryFolder;

namespace {

const std::vector<std::string> kOften{"--open", "--set", "tinker.snapshot_s=0.05"};

std::vector<int32_t> line_of(int step) {
  std::vector<int32_t> tokens;
  for (int i = 0; i < 24; ++i) tokens.push_back(5 + (i * (step % 3 + 2)) % 28);
  return tokens;
}

/// The promises of a step's two requests.
std::vector<std::string> ask_step(const TinkerClient& client, const std::string& model, int step) {
  return {TinkerClient::promise_of(client.forward_backward(model, 2 * step + 1, line_of(step))),
          TinkerClient::promise_of(client.optim_step(model, 2 * step + 2, 3e-3))};
}

}  // namespace

TEST_CASE("a promise of training outlives kills, and no step is taken twice",
          "[service][cli][slow]") {
  constexpr int kSteps = 40;
  const TemporaryFolder folder;
  auto server = std::make_unique<ServerProcess>(folder / "data", kOften);
  const std::string session = TinkerClient(server->port()).begin_session();
  const std::string model = TinkerClient(server->port()).make_model(session, 0, 8, 7);
  std::vector<std::string> promises;
  for (int step = 0; step < kSteps; ++step) {
    for (auto& promise : ask_step(TinkerClient(server->port()), model, step)) {
      REQUIRE_FALSE(promise.empty());
      promises.push_back(std::move(promise));
    }
    if (step % 8 != 5) continue;
    server->kill();
    server = std::make_unique<ServerProcess>(folder / "data", kOften);
  }
  const TinkerClient client(server->port());
  std::vector<std::string> results;
  for (const auto& promise : promises) {
    const auto end = client.end_of(promise);
    REQUIRE(end.status == 200);
    results.push_back(end.body);
  }
  const std::string twin = client.make_model(session, 1, 8, 7);
  for (int step = 0; step < kSteps; ++step) {
    const auto same = ask_step(client, twin, step);
    for (size_t i = 0; i < 2; ++i)
      CHECK(client.end_of(same[i]).body == results[2 * static_cast<size_t>(step) + i]);
  }
  CHECK(loss_of(results[results.size() - 2]) < loss_of(results[0]));
  CHECK(server->stop() == 0);
}

TEST_CASE("a sample that was promised is made after a kill, as it would have been",
          "[service][cli][slow]") {
  const TemporaryFolder folder;
  auto server = std::make_unique<ServerProcess>(folder / "data", kOften);
  TinkerClient client(server->port());
  const std::string session = client.begin_session();
  const std::string model = client.make_model(session, 0);
  ask_step(client, model, 0);
  const auto saved =
      client.post("save_weights_for_sampler",
                  {{"model_id", model}, {"seq_id", 3}, {"sampling_session_seq_id", 0}});
  const std::string sampler =
      client.json_of(TinkerClient::promise_of(saved)).at("sampling_session_id");
  std::vector<std::string> promises;
  for (int i = 0; i < 12; ++i)
    promises.push_back(TinkerClient::promise_of(client.sample(
        sampler, i, line_of(i), i,
        {{"sampling_params", {{"max_tokens", 100}, {"stop", nlohmann::json::array()}}}})));
  server->kill();
  server = std::make_unique<ServerProcess>(folder / "data", kOften);
  client = TinkerClient(server->port());
  std::vector<std::string> seen;
  for (const auto& promise : promises) {
    const auto end = client.end_of(promise);
    REQUIRE(end.status == 200);
    REQUIRE(end.headers.at("content-type") == "application/x-protobuf");
    seen.push_back(end.body);
  }
  // Asked again, each is what it was; a request without a seed had one chosen with its promise.
  for (size_t i = 0; i < promises.size(); ++i) CHECK(client.end_of(promises[i]).body == seen[i]);
  // A sample begun before a kill and ended after it is that of an undisturbed server.
  const auto before =
      client.end_of(TinkerClient::promise_of(client.sample(sampler, 50, line_of(1), 9)));
  const auto promised = TinkerClient::promise_of(client.sample(sampler, 51, line_of(1), 9));
  server->kill();
  server = std::make_unique<ServerProcess>(folder / "data", kOften);
  CHECK(TinkerClient(server->port()).end_of(promised).body == before.body);
  const auto stopped =
      TinkerClient::promise_of(TinkerClient(server->port()).sample(sampler, 52, line_of(1), 9));
  CHECK(server->stop() == 0);
  server = std::make_unique<ServerProcess>(folder / "data", kOften);
  CHECK(TinkerClient(server->port()).end_of(stopped).body == before.body);
  CHECK(server->stop() == 0);
}
