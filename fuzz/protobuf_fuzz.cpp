// ForwardBackwardRequest: any bytes are a request that was checked whole, or are refused in words.

#include "base/error.h"
#include "fuzz/target.h"
#include "service/training/adapter_training.h"
#include "service/training/messages.h"

using gradus::fuzz::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace gradus::service;
  constexpr BatchLimits kLimits{64, 128};
  const std::string_view text = gradus::fuzz::text_of(data, size);
  try {
    const auto wire = read_forward_backward(text);
    require(plain_forward_backward(text) == plain_forward_backward(text),
            "a request has one plain form");
    const auto batch = read_data(wire, kLimits);
    require(!batch.empty() && batch.size() == wire.data.size(), "every sequence is read");
    for (const auto& datum : batch) {
      require(!datum.tokens.empty() && datum.tokens.size() <= 128, "lengths are within limits");
      require(datum.targets.size() == datum.tokens.size(), "each token has its target");
      for (const auto token : datum.tokens) require(token >= 0 && token < 64, "ids are tokens");
      for (const auto target : datum.targets) require(target >= 0 && target < 64, "ids are tokens");
      for (const auto& [name, values] : datum.inputs)
        require(values.size() == datum.tokens.size(), "each token has its inputs");
    }
    check_loss(wire, batch);
  } catch (const gradus::Error& error) {
    require(error.what()[0] != '\0', "a refusal says why");
  }
  return 0;
}
