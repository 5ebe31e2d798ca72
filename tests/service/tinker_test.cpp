// Tinker's protocol over real sockets: order, numbers, refusals, tenants, names, sessions.
#include <chrono>
#include <cmath>
#include <thread>

#include "service/store/keys.h"
#include "tests/catch.h"
#include "tests/service/tinker_client.h"
#include "tests/service/tinker_server.h"
#include "tests/support/temporary_folder.h"

using namespace gradus;
using namespace gradus::service;
using gradus::tests::TemporaryFolder;
using nlohmann::json;

namespace {

const std::vector<int32_t> kLine{5, 9, 13, 17, 21, 25, 29};
const std::vector<int32_t> kOther{6, 8, 10, 12, 14, 16};

double loss_at(const TinkerClient& client, const std::string& model, int64_t seq) {
  const auto answer = client.forward_backward(model, seq, kLine, 1.0F, true);
  return loss_of(client.end_of(TinkerClient::promise_of(answer)).body);
}

}  // namespace

TEST_CASE("requests run in the order of their numbers, and a repeated one runs once",
          "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string session = client.begin_session();
  const std::string model = client.make_model(session, 0);
  CHECK(model == session + ":train:0");
  const auto last = client.forward_backward(model, 3, kLine, 1.0F, true);
  const auto step = client.optim_step(model, 2);
  const auto first = client.forward_backward(model, 1, kLine);
  const auto again = client.forward_backward(model, 1, kLine);
  REQUIRE(first.status == 200);
  CHECK(TinkerClient::promise_of(first) == TinkerClient::promise_of(again));
  const double before = loss_of(client.end_of(TinkerClient::promise_of(first)).body);
  const double after = loss_of(client.end_of(TinkerClient::promise_of(last)).body);
  CHECK(after < before);
  CHECK(client.json_of(TinkerClient::promise_of(step))["metrics"]["grad_norm:mean"] > 0.0);

  const std::string twin = client.make_model(session, 1);
  CHECK(loss_at(client, twin, 1) == before);
  client.forward_backward(twin, 2, kLine);
  client.optim_step(twin, 3);
  CHECK(loss_at(client, twin, 4) == after);
}

TEST_CASE("a number that was used by another request is refused in words", "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string model = client.make_model(client.begin_session(), 0);
  const auto first = client.forward_backward(model, 1, kLine);
  for (const auto& answer : {client.forward_backward(model, 1, kOther), client.optim_step(model, 1),
                             client.forward_backward(model, 1, kLine, 2.0F)}) {
    CHECK(answer.status == 400);
    CHECK(answer.json()["detail"].get<std::string>().find("seq_id 1") != std::string::npos);
  }
  CHECK(client.end_of(TinkerClient::promise_of(first)).status == 200);
}

TEST_CASE("a refused request uses its number up and changes nothing", "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string model = client.make_model(client.begin_session(), 0);
  const double loss = loss_at(client, model, 1);
  CHECK(client.forward_backward(model, 2, {5, 1000, 7}).status == 422);
  CHECK(client.forward_backward(model, 2, {5, 1000, 7}).status == 422);
  CHECK(client.forward_backward(model, 3, kLine, NAN).status == 422);
  const auto nan = ask(
      server.port, "POST", "/api/v1/optim_step",
      "{\"model_id\": \"" + model + "\", \"seq_id\": 4, \"adam_params\": {\"learning_rate\": NaN}}",
      {{"content-type", "application/json"}});
  CHECK(nan.status == 422);
  CHECK(client.optim_step(model, 5, -1.0).status == 400);
  CHECK(client.send("POST", "forward_backward", "\xff\xff\xff").status == 400);
  CHECK(client.forward_backward(model, 0, kLine).status == 400);
  CHECK(loss_at(client, model, 6) == loss);
}

TEST_CASE("a trainer and a sampler give a token the same logprob", "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string session = client.begin_session();
  const std::string model = client.make_model(session, 0);
  client.forward_backward(model, 1, kLine);
  client.optim_step(model, 2);
  const auto trained = client.forward_backward(model, 3, kLine, 1.0F, true);
  const auto saved =
      client.post("save_weights_for_sampler",
                  {{"model_id", model}, {"seq_id", 4}, {"sampling_session_seq_id", 0}});
  const std::string sampler =
      client.json_of(TinkerClient::promise_of(saved)).at("sampling_session_id");
  CHECK(sampler == session + ":sample:0");
  client.forward_backward(model, 5, kLine);
  client.optim_step(model, 6);
  const auto answer = client.sample(sampler, 0, kLine, 3, {{"prompt_logprobs", true}});
  REQUIRE(answer.status == 200);
  CHECK(answer.json()["sample_sequence_ids"].size() == 2);
  const auto scored = prompt_logprobs_of(client.end_of(TinkerClient::promise_of(answer)).body);
  const auto wanted = logprobs_of(client.end_of(TinkerClient::promise_of(trained)).body);
  REQUIRE(scored.size() == wanted.size() + 1);
  CHECK(std::isnan(scored[0]));
  for (size_t i = 0; i < wanted.size(); ++i) CHECK(std::abs(scored[i + 1] - wanted[i]) < 1e-4F);
  const auto once = client.end_of(TinkerClient::promise_of(client.sample(sampler, 1, kLine, 3)));
  const auto twice = client.end_of(TinkerClient::promise_of(client.sample(sampler, 2, kLine, 3)));
  CHECK(once.headers.at("content-type") == "application/x-protobuf");
  CHECK(once.body == twice.body);
  const auto usage = ask(server.port, "GET", "/v1/organization/usage/completions").json();
  CHECK(usage["data"][0]["results"][0]["num_model_requests"] == 3);
}

TEST_CASE("names of checkpoints are names, and a taken one is overwritten on demand alone",
          "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string model = client.make_model(client.begin_session(), 0);
  int64_t seq = 0;
  const auto save = [&](const std::string& name, const json& more = json::object()) {
    json body{{"model_id", model}, {"seq_id", ++seq}, {"path", name}};
    body.update(more);
    return client.post("save_weights", body);
  };
  const std::vector<std::string> refused{"..",  "../x", "a/b",      ".x",   "",
                                         "a b", "a\nb", "\xc3\xa4", "a\\b", std::string(129, 'a')};
  for (const auto& name : refused) CHECK(save(name).status == 422);
  CHECK(save("x", {{"ttl_seconds", 3599}}).status == 400);
  CHECK(save("x", {{"ttl_seconds", 315360001}}).status == 400);
  CHECK(client.json_of(TinkerClient::promise_of(save("a.b-c_1")))["path"] ==
        "tinker://" + model + "/weights/a.b-c_1");
  const auto taken = client.json_of(TinkerClient::promise_of(save("a.b-c_1")));
  CHECK(taken["category"] == "user");
  const auto over = client.json_of(TinkerClient::promise_of(
      save("a.b-c_1", {{"overwrite", true}, {"user_metadata", {{"k", "v"}}}})));
  CHECK(over["path"] == "tinker://" + model + "/weights/a.b-c_1");
  const auto list = client.get("training_runs/" + model + "/checkpoints").json();
  REQUIRE(list["checkpoints"].size() == 1);
  CHECK(list["checkpoints"][0]["user_metadata"] == json({{"k", "v"}}));
  const std::string route = "training_runs/" + model + "/checkpoints/weights/";
  CHECK(client.send("DELETE", route + "..%2f..%2fx", "").status == 400);
  CHECK(client.send("DELETE", route + "a.b-c_1", "").status == 200);
  CHECK(client.send("DELETE", route + "a.b-c_1", "").status == 404);
}

TEST_CASE("what another project has is not found", "[service][tinker]") {
  const TemporaryFolder folder;
  std::string mine;
  std::string theirs;
  ServiceOptions options;
  options.data_dir = folder / "data";
  options.listen = "127.0.0.1:0";
  std::filesystem::create_directories(options.data_dir);
  {
    Store store(options.data_dir);
    KeyStore keys(store);
    mine = keys.add({"a", "mine", {}, 0, ""}).key;
    theirs = keys.add({"b", "theirs", {}, 0, ""}).key;
  }
  Service service(options);
  service.start();
  const int port = std::stoi(service.url().substr(service.url().rfind(':') + 1));
  const TinkerClient owner(port, {{"x-api-key", mine}});
  const TinkerClient other(port, {{"x-api-key", theirs}});
  const std::string session = owner.begin_session();
  const std::string model = owner.make_model(session, 0);
  const auto promise = TinkerClient::promise_of(owner.forward_backward(model, 1, kLine));
  owner.end_of(promise);
  const auto path = owner.json_of(TinkerClient::promise_of(
      owner.post("save_weights", {{"model_id", model}, {"seq_id", 2}, {"path", "a"}})))["path"];
  CHECK(other.post("retrieve_future", {{"request_id", promise}}).status == 410);
  CHECK(other.forward_backward(model, 3, kLine).status == 404);
  CHECK(other.post("get_info", {{"model_id", model}}).status == 404);
  CHECK(other.post("unload_model", {{"model_id", model}}).status == 404);
  CHECK(other.post("session_heartbeat", {{"session_id", session}}).status == 410);
  CHECK(other.post("weights_info", {{"tinker_path", path}}).status == 404);
  CHECK(other.get("sessions/" + session).status == 404);
  CHECK(other.get("training_runs/" + model).status == 404);
  CHECK(other.get("training_runs").json()["training_runs"].empty());
  const std::string route = "training_runs/" + model + "/checkpoints/weights/a";
  CHECK(other.send("DELETE", route, "").status == 404);
  CHECK(owner.post(route + "/publish", json::object()).status == 200);
  CHECK(other.post("weights_info", {{"tinker_path", path}}).status == 200);
  CHECK(other.send("DELETE", route, "").status == 403);
  CHECK(TinkerClient(port).get("training_runs").status == 401);
}

TEST_CASE("who waits for a number that never came is told its number", "[service][tinker]") {
  ServiceConfig config;
  config.tinker.poll_s = 0.1;
  const TinkerServer server(config);
  const TinkerClient client(server.port);
  const std::string model = client.make_model(client.begin_session(), 0);
  const auto waiting = TinkerClient::promise_of(client.forward_backward(model, 2, kLine));
  const auto answer = client.post("retrieve_future", {{"request_id", waiting}}).json();
  CHECK(answer["type"] == "try_again");
  CHECK(answer["queue_state_reason"].get<std::string>().find("seq_id 1,") != std::string::npos);
}

TEST_CASE("a session without heartbeats is over, and its models are let go",
          "[service][tinker][slow]") {
  ServiceConfig config;
  config.tinker.session_s = 1.0;
  const TinkerServer server(config);
  const TinkerClient client(server.port);
  const std::string session = client.begin_session();
  const std::string model = client.make_model(session, 0);
  // Its turn never comes: number 1 is missing.
  const auto waiting = TinkerClient::promise_of(client.forward_backward(model, 2, kLine));
  int status = 200;
  for (int i = 0; i < 100 && status == 200; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    status = client.forward_backward(model, 3 + i, kLine).status;
  }
  CHECK(status == 400);
  CHECK(client.post("session_heartbeat", {{"session_id", session}}).status == 410);
  CHECK(client.json_of(waiting)["category"] == "user");
  CHECK(client.get("sessions/" + session).json()["status"] == "silent");
}
