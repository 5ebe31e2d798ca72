// What becomes of weights that were saved: loaded, followed, exported, scored with.
#include <cmath>

#include "service/tinker/file_links.h"
#include "service/training/protobuf.h"
#include "tests/catch.h"
#include "tests/service/tinker_client.h"
#include "tests/service/tinker_server.h"

using namespace gradus;
using namespace gradus::service;
using nlohmann::json;

namespace {

const std::vector<int32_t> kPhrase{5, 9, 13, 17, 21, 25, 29};

/// Trains one step and gives the next number.
int64_t train_once(const TinkerClient& client, const std::string& model, int64_t seq) {
  client.forward_backward(model, seq, kPhrase);
  client.optim_step(model, seq + 1);
  return seq + 2;
}

std::vector<float> phrase_logprobs(const TinkerClient& client, const std::string& sampler,
                                   int64_t seq) {
  const auto answer = client.sample(sampler, seq, kPhrase, 1, {{"prompt_logprobs", true}});
  return prompt_logprobs_of(client.end_of(TinkerClient::promise_of(answer)).body);
}

}  // namespace

TEST_CASE(
    "a model that is loaded with its optimizer goes on with the same bits, and without it "
    "begins anew",
    "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string session = client.begin_session();
  const std::string model = client.make_model(session, 0);
  int64_t seq = train_once(client, model, 1);
  seq = train_once(client, model, seq);
  const auto saved = client.json_of(TinkerClient::promise_of(
      client.post("save_weights", {{"model_id", model}, {"seq_id", seq}, {"path", "at"}})));
  const std::string path = saved.at("path");
  std::vector<std::string> wanted;
  const auto go_on = [&](const std::string& of, int64_t from) {
    std::vector<std::string> ends;
    for (int step = 0; step < 3; ++step) {
      ends.push_back(
          TinkerClient::promise_of(client.forward_backward(of, from + 2 * step, kPhrase)));
      client.optim_step(of, from + 2 * step + 1);
    }
    for (auto& end : ends) end = client.end_of(end).body;
    return ends;
  };
  wanted = go_on(model, seq + 1);
  const auto load = [&](int number, bool optimizer) {
    return client.json_of(
        TinkerClient::promise_of(client.post("load_weights", {{"session_id", session},
                                                              {"model_seq_id", number},
                                                              {"path", path},
                                                              {"optimizer", optimizer}})));
  };
  const auto exact = load(1, true);
  REQUIRE(exact.contains("model_id"));
  CHECK(go_on(exact["model_id"], 1) == wanted);
  const auto anew = go_on(load(2, false)["model_id"], 1);
  CHECK(anew[0] == wanted[0]);
  CHECK(anew[2] != wanted[2]);
  const std::string other = client.make_model(session, 3, 8);
  const auto wrong = client.json_of(TinkerClient::promise_of(client.post(
      "load_weights", {{"model_id", other}, {"seq_id", 1}, {"path", path}, {"optimizer", true}})));
  CHECK(wrong["category"] == "user");
  CHECK(wrong["error"].get<std::string>().find("rank") != std::string::npos);
}

TEST_CASE("a snapshot stays what it is, and an inflight sampler follows its model",
          "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string session = client.begin_session();
  const std::string model = client.make_model(session, 0);
  int64_t seq = train_once(client, model, 1);
  const auto save = [&](int number, const std::string& kind) {
    const auto end = client.json_of(TinkerClient::promise_of(
        client.post("save_weights_for_sampler", {{"model_id", model},
                                                 {"seq_id", seq++},
                                                 {"sampling_session_seq_id", number},
                                                 {"kind", kind}})));
    return end.at("sampling_session_id").get<std::string>();
  };
  const std::string snapshot = save(0, "snapshot");
  const std::string inflight = save(1, "inflight");
  const auto before = phrase_logprobs(client, snapshot, 0);
  CHECK(phrase_logprobs(client, inflight, 0)[3] == before[3]);
  seq = train_once(client, model, seq);
  const std::string later = save(2, "inflight");
  CHECK(phrase_logprobs(client, snapshot, 1)[3] == before[3]);
  CHECK(phrase_logprobs(client, inflight, 1)[3] != before[3]);
  CHECK(phrase_logprobs(client, later, 0)[3] == phrase_logprobs(client, inflight, 2)[3]);
}

TEST_CASE("tokens that are asked for are scored in their places", "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string session = client.begin_session();
  const auto made = client.post(
      "create_sampling_session",
      {{"session_id", session}, {"sampling_session_seq_id", 0}, {"base_model", "nano"}});
  const std::string sampler = made.json().at("sampling_session_id");
  const auto logprobs = phrase_logprobs(client, sampler, 0);
  json ids = json::array();
  for (size_t i = 1; i < kPhrase.size(); ++i) {
    ids.push_back(kPhrase[i]);
    ids.push_back(-1);
  }
  const auto ask_for = [&](int64_t seq, int64_t rows) {
    return client.sample(
        sampler, seq, kPhrase, 1,
        {{"target_prompt_logprobs", {{"data", ids}, {"dtype", "int64"}, {"shape", {rows, 2}}}}});
  };
  CHECK(ask_for(1, 5).status == 422);
  const auto end = client.end_of(TinkerClient::promise_of(ask_for(2, 6)));
  std::string dense;
  for (ProtoReader in(end.body); in.next();)
    if (in.field() == 5)
      for (ProtoReader tensor(in.bytes()); tensor.next();)
        if (tensor.field() == 1) dense = std::string(tensor.bytes());
  REQUIRE(dense.size() == 12 * sizeof(float));
  const auto* values = reinterpret_cast<const float*>(dense.data());
  for (size_t i = 0; i < 6; ++i) {
    CHECK(values[2 * i] == logprobs[i + 1]);
    CHECK(values[2 * i + 1] == 0.0F);
  }
}

TEST_CASE("tokens are drawn in the places of a prompt, the same with the same seed",
          "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const auto draw = [&](int64_t seed) {
    const auto answer = client.post(
        "asample", {{"base_model", "nano"},
                    {"num_samples", 1},
                    {"prompt", {{"chunks", {{{"tokens", kPhrase}, {"type", "encoded_text"}}}}}},
                    {"prompt_alt_tokens_k", 3},
                    {"sampling_params", {{"max_tokens", 1}, {"seed", seed}}}});
    return client.end_of(TinkerClient::promise_of(answer)).body;
  };
  std::string dense;
  const std::string body = draw(1);
  for (ProtoReader in(body); in.next();) {
    if (in.field() != 6) continue;
    for (ProtoReader drawn(in.bytes()); drawn.next();)
      if (drawn.field() == 1)
        for (ProtoReader tensor(drawn.bytes()); tensor.next();)
          if (tensor.field() == 1) dense = std::string(tensor.bytes());
  }
  CHECK(dense.size() == 6 * 3 * sizeof(int64_t));
  CHECK(draw(1) == body);
  CHECK(draw(2) != body);
}

TEST_CASE("exported weights are downloaded by a link that cannot be forged", "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string model = client.make_model(client.begin_session(), 0);
  const auto saved = client.json_of(TinkerClient::promise_of(
      client.post("save_weights_external", {{"model_id", model}, {"seq_id", 1}, {"path", "out"}})));
  CHECK(saved["path"] == "tinker://" + model + "/external_weights/out");
  const auto links = client.get("training_runs/" + model +
                                "/checkpoints/external_weights/out/external_weights_urls");
  REQUIRE(links.status == 200);
  const std::string url = links.json()["urls"].at("adapter_config.json");
  const std::string path = url.substr(url.find("/api/v1"));
  const auto file = ask(server.port, "GET", path);
  REQUIRE(file.status == 200);
  CHECK(file.json()["base_model_name_or_path"] == "nano");
  CHECK(file.json()["r"] == 4);
  const std::vector<std::string> forged_paths{
      path.substr(0, path.size() - 1) + (path.back() == '0' ? "1" : "0"),
      path.substr(0, path.find('?')), path + "0"};
  for (const auto& forged : forged_paths) CHECK(ask(server.port, "GET", forged).status == 404);
  const FileLinks mine;
  CHECK(mine.is_ours("a", "b", 5, mine.sign("a", "b", 5)));
  CHECK_FALSE(mine.is_ours("a", "b", 6, mine.sign("a", "b", 5)));
  CHECK_FALSE(FileLinks().is_ours("a", "b", 5, mine.sign("a", "b", 5)));
}

TEST_CASE("a model that left memory for the disk goes on with the same bits", "[service][tinker]") {
  ServiceConfig small;
  small.models.memory_mb = 1e-3;
  const TinkerServer server(small);
  const TinkerClient client(server.port);
  const std::string session = client.begin_session();
  const std::string one = client.make_model(session, 0);
  const std::string two = client.make_model(session, 1);
  int64_t seq = 1;
  for (int step = 0; step < 4; ++step) {
    const auto first = TinkerClient::promise_of(client.forward_backward(one, seq, kPhrase));
    const std::string end = client.end_of(first).body;
    const auto second = TinkerClient::promise_of(client.forward_backward(two, seq, kPhrase));
    CHECK(client.end_of(second).body == end);
    client.json_of(TinkerClient::promise_of(client.optim_step(one, seq + 1)));
    client.json_of(TinkerClient::promise_of(client.optim_step(two, seq + 1)));
    seq += 2;
  }
}

TEST_CASE("a gradient that is not finite is refused where it is made", "[service][tinker]") {
  const TinkerServer server;
  const TinkerClient client(server.port);
  const std::string model = client.make_model(client.begin_session(), 0);
  const auto good = TinkerClient::promise_of(client.forward_backward(model, 1, kPhrase));
  const auto bad = TinkerClient::promise_of(client.forward_backward(model, 2, kPhrase, 3e38F));
  const auto step = TinkerClient::promise_of(client.optim_step(model, 3));
  CHECK(client.end_of(good).status == 200);
  CHECK(client.json_of(bad)["category"] == "user");
  CHECK(client.json_of(step).contains("metrics"));
}
