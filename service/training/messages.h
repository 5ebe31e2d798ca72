#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gradus::service {

/// What a client's request asks for is wrong; told to the client in these words.
class RequestError : public Error {
 public:
  using Error::Error;
};

/// A tensor as it came: bytes in its type; looks into the body that it was read from.
struct WireTensor {
  std::string_view dense;
  bool is_sparse = false;
  int64_t dtype = 0;  ///< 1 float32, 2 int64, 3 int32
  std::vector<int64_t> shape;
};

struct WireDatum {
  std::vector<std::string_view> chunks;  ///< int32 tokens
  bool has_images = false;
  std::map<std::string, WireTensor, std::less<>> inputs;
};

/// tinker_public.ForwardBackwardRequest, read and not yet understood.
struct WireForwardBackward {
  std::string model_id;
  int64_t seq_id = 0;
  std::vector<WireDatum> data;
  std::string loss_fn;
  std::map<std::string, double> config;
  std::vector<std::string> text_config;  ///< keys whose values are texts
  bool forward_only = false;
};

/// @throws WireError  it is no such message. The result looks into `body`.
WireForwardBackward read_forward_backward(std::string_view body);

/// A message in one form, whatever the order of its fields and maps: equal texts ask for the same.
/// @throws WireError
std::string plain_forward_backward(std::string_view body);

/// One sequence with what its loss needs, all of the tokens' length.
struct TrainingDatum {
  std::vector<int64_t> tokens;
  std::vector<int64_t> targets;
  std::map<std::string, std::vector<float>> inputs;
};

/// What a batch must keep to.
struct BatchLimits {
  int64_t vocab_size = 0;
  int64_t context_length = 0;
};

/// The data of a request, checked: lengths, shapes, types, ids, finite numbers.
/// @throws RequestError  naming datum and field.
std::vector<TrainingDatum> read_data(const WireForwardBackward& request, const BatchLimits& limits);

/// tinker_public.ForwardBackwardOutput: a field `logprobs` per datum.
std::string write_forward_backward_output(const std::vector<std::vector<float>>& logprobs,
                                          const std::map<std::string, double>& metrics);

struct WireSequence {
  bool is_stopped = false;
  std::vector<int32_t> tokens;
  std::vector<float> logprobs;
  std::vector<std::vector<std::pair<int32_t, float>>> top;
};

/// tinker_public.SampleResponse.
struct WireSample {
  std::vector<WireSequence> sequences;
  int num_top = 0;
  bool has_prompt_logprobs = false;
  std::vector<float> prompt_logprobs;
  int num_top_prompt = 0;
  std::vector<std::vector<std::pair<int32_t, float>>> prompt_top;
  std::vector<int64_t> target_shape;  ///< [prompt - 1, K]; empty: none were asked for
  std::vector<float> target_logprobs;
  std::vector<int64_t> drawn_shape;  ///< [prompt - 1, K]; empty: none were asked for
  std::vector<int64_t> drawn;
  std::vector<float> drawn_logprobs;
};
std::string write_sample(const WireSample& sample);

}  // namespace gradus::service
