#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/service/raw_client.h"

namespace gradus::service {

/// What Tinker's client sends, plainly: each call is one request.
class TinkerClient {
 public:
  explicit TinkerClient(int port, std::map<std::string, std::string> headers = {})
      : port_(port), headers_(std::move(headers)) {}

  Answer post(const std::string& route, const nlohmann::json& body) const;
  Answer get(const std::string& route) const;
  Answer send(const std::string& method, const std::string& route, const std::string& body) const;
  /// Of a request that was taken. @return  its promise; empty: it was refused.
  static std::string promise_of(const Answer& answer);
  /// Waits for a promise's end.
  Answer end_of(const std::string& promise) const;
  nlohmann::json json_of(const std::string& promise) const { return end_of(promise).json(); }

  std::string begin_session() const;
  /// Makes a model and waits until it is there.
  std::string make_model(const std::string& session, int number, int rank = 4,
                         int64_t seed = 1) const;
  Answer forward_backward(const std::string& model, int64_t seq, const std::vector<int32_t>& tokens,
                          float weight = 1.0F, bool only = false) const;
  Answer optim_step(const std::string& model, int64_t seq, double rate = 1e-2) const;
  Answer sample(const std::string& sampler, int64_t seq, const std::vector<int32_t>& prompt,
                int64_t seed, const nlohmann::json& more = nlohmann::json::object()) const;

 private:
  int port_;
  std::map<std::string, std::string> headers_;
};

/// A ForwardBackwardRequest of one sequence under cross-entropy.
std::string forward_backward_body(const std::string& model, int64_t seq,
                                  const std::vector<int32_t>& tokens, float weight, bool only);
/// "loss:sum" of a ForwardBackwardOutput.
double loss_of(const std::string& output);
/// Logprobs of its first sequence.
std::vector<float> logprobs_of(const std::string& output);
/// Of a SampleResponse.
std::vector<float> prompt_logprobs_of(const std::string& response);

}  // namespace gradus::service
