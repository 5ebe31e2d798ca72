#include "tests/service/tinker_client.h"

#include <cstring>
#include <stdexcept>

#include "service/training/protobuf.h"

namespace gradus::service {
namespace {

std::vector<float> floats_of(std::string_view bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

std::string wire_tensor(std::string_view dense, uint64_t dtype, uint64_t size) {
  ProtoWriter tensor;
  tensor.bytes(1, dense);
  tensor.varint(3, dtype);
  tensor.varint(4, size);
  return tensor.text();
}

void add_input(ProtoWriter& datum, std::string_view name, const std::string& tensor) {
  ProtoWriter entry;
  entry.bytes(1, name);
  entry.bytes(2, tensor);
  datum.bytes(2, entry.text());
}

}  // namespace

std::string forward_backward_body(const std::string& model, int64_t seq,
                                  const std::vector<int32_t>& tokens, float weight, bool only) {
  const std::vector<int32_t> inputs(tokens.begin(), tokens.end() - 1);
  const std::vector<int64_t> targets(tokens.begin() + 1, tokens.end());
  const std::vector<float> weights(targets.size(), weight);
  ProtoWriter text;
  text.bytes(1, bytes_of(inputs));
  ProtoWriter chunk;
  chunk.bytes(1, text.text());
  ProtoWriter datum;
  datum.bytes(1, chunk.text());
  add_input(datum, "target_tokens", wire_tensor(bytes_of(targets), 2, targets.size()));
  add_input(datum, "weights", wire_tensor(bytes_of(weights), 1, weights.size()));
  ProtoWriter request;
  request.bytes(1, model);
  request.varint(2, static_cast<uint64_t>(seq));
  request.bytes(3, datum.text());
  request.bytes(4, "cross_entropy");
  if (only) request.varint(6, 1);
  return request.text();
}

double loss_of(const std::string& output) {
  for (ProtoReader in(output); in.next();) {
    if (in.field() != 3) continue;
    std::string name;
    double value = 0.0;
    for (ProtoReader entry(in.bytes()); entry.next();) {
      if (entry.field() == 1) name = std::string(entry.bytes());
      if (entry.field() == 2) value = entry.real();
    }
    if (name == "loss:sum") return value;
  }
  throw std::runtime_error("no loss:sum in an output of " + std::to_string(output.size()) +
                           " bytes");
}

std::vector<float> logprobs_of(const std::string& output) {
  for (ProtoReader in(output); in.next();) {
    if (in.field() != 2) continue;
    for (ProtoReader record(in.bytes()); record.next();) {
      if (record.field() != 2) continue;
      for (ProtoReader entry(record.bytes()); entry.next();) {
        if (entry.field() != 2) continue;
        for (ProtoReader tensor(entry.bytes()); tensor.next();)
          if (tensor.field() == 1) return floats_of(tensor.bytes());
      }
    }
  }
  throw std::runtime_error("no logprobs in an output");
}

std::vector<float> prompt_logprobs_of(const std::string& response) {
  for (ProtoReader in(response); in.next();)
    if (in.field() == 2) return floats_of(in.bytes());
  throw std::runtime_error("no prompt_logprobs in a response");
}

Answer TinkerClient::post(const std::string& route, const nlohmann::json& body) const {
  return ask_json(port_, "POST", "/api/v1/" + route, body, headers_);
}

Answer TinkerClient::get(const std::string& route) const {
  return ask(port_, "GET", "/api/v1/" + route, "", headers_);
}

Answer TinkerClient::send(const std::string& method, const std::string& route,
                          const std::string& body) const {
  auto headers = headers_;
  headers["content-type"] = "application/x-protobuf";
  return ask(port_, method, "/api/v1/" + route, body, headers);
}

std::string TinkerClient::promise_of(const Answer& answer) {
  return answer.status == 200 ? answer.json().value("request_id", "") : "";
}

Answer TinkerClient::end_of(const std::string& promise) const {
  constexpr int kPolls = 4;
  for (int i = 0; i < kPolls; ++i) {
    auto answer = post("retrieve_future", {{"request_id", promise}});
    const bool waits = answer.body.find("\"try_again\"") != std::string::npos;
    if (answer.status != 200 || !waits) return answer;
  }
  throw std::runtime_error("the promise " + promise + " was not kept");
}

std::string TinkerClient::begin_session() const {
  return post("create_session", {{"tags", nlohmann::json::array()}, {"sdk_version", "0.38.0"}})
      .json()
      .at("session_id");
}

std::string TinkerClient::make_model(const std::string& session, int number, int rank,
                                     int64_t seed) const {
  const auto answer = post("create_model", {{"session_id", session},
                                            {"model_seq_id", number},
                                            {"base_model", "nano"},
                                            {"lora_config", {{"rank", rank}, {"seed", seed}}}});
  return json_of(promise_of(answer)).at("model_id");
}

Answer TinkerClient::forward_backward(const std::string& model, int64_t seq,
                                      const std::vector<int32_t>& tokens, float weight,
                                      bool only) const {
  return send("POST", "forward_backward", forward_backward_body(model, seq, tokens, weight, only));
}

Answer TinkerClient::optim_step(const std::string& model, int64_t seq, double rate) const {
  return post("optim_step",
              {{"model_id", model}, {"seq_id", seq}, {"adam_params", {{"learning_rate", rate}}}});
}

Answer TinkerClient::sample(const std::string& sampler, int64_t seq,
                            const std::vector<int32_t>& prompt, int64_t seed,
                            const nlohmann::json& more) const {
  nlohmann::json body{
      {"sampling_session_id", sampler},
      {"seq_id", seq},
      {"num_samples", 2},
      {"prompt", {{"chunks", {{{"tokens", prompt}, {"type", "encoded_text"}}}}}},
      {"sampling_params", {{"max_tokens", 8}, {"seed", seed}, {"stop", nlohmann::json::array()}}}};
  body.update(more);
  return post("asample", body);
}

}  // namespace gradus::service
