#include "policy/kernels/optimizer/adamw_8bit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "rl/learn/optimizers/adamw_state.h"

namespace gradus::rl {
namespace {

using policy::kernels::BlockMoments;
using policy::kernels::dynamic_levels;
using policy::kernels::kMomentBlock;

uint8_t code_of_zero(bool is_signed) {
  const auto& levels = dynamic_levels(is_signed);
  return static_cast<uint8_t>(std::find(levels.begin(), levels.end(), 0.0F) - levels.begin());
}

/// One moment: codes [n] uint8, scales [blocks] float32, on the CPU.
struct Moment {
  Moment(const at::Tensor& like, bool is_signed)
      : codes(at::full({like.numel()}, code_of_zero(is_signed),
                       at::TensorOptions().dtype(at::kByte))),
        scales(at::zeros({(like.numel() + kMomentBlock - 1) / kMomentBlock}, at::kFloat)) {}

  BlockMoments view() const {
    return {codes.mutable_data_ptr<uint8_t>(), scales.mutable_data_ptr<float>()};
  }

  at::Tensor codes;
  at::Tensor scales;
};

/// On every device the moments stay in the host's memory and the step is the host's: a quarter of
/// the device's memory for AdamW is what the 8 bits would have left there, and two copies of the
/// parameter a step are their price.
class EightBitState : public AdamWState {
 public:
  EightBitState(const at::Tensor& like, size_t index)
      : first_(like, true), root_(like, false), stream_(static_cast<uint32_t>(index)) {}

  void step(const at::Tensor& value, const at::Tensor& grad,
            const policy::kernels::AdamWStep& settings, ThreadTeam& team) override {
    const at::Tensor host_value = value.cpu();  // the same memory on the CPU
    const at::Tensor host_grad = grad.cpu();
    policy::kernels::adamw_8bit_step(team, host_value.mutable_data_ptr<float>(),
                                     host_grad.const_data_ptr<float>(), first_.view(), root_.view(),
                                     value.numel(), settings, stream_);
    if (!host_value.is_same(value)) value.copy_(host_value);
  }

  std::vector<std::pair<std::string, at::Tensor>> tensors() const override {
    return {{"exp_avg.codes", first_.codes},
            {"exp_avg.scales", first_.scales},
            {"exp_avg_root.codes", root_.codes},
            {"exp_avg_root.scales", root_.scales}};
  }

 private:
  Moment first_;
  Moment root_;
  uint32_t stream_;
};

}  // namespace

extern const AdamWKind kAdamW8Bit;
const AdamWKind kAdamW8Bit = {
    "adamw_8bit", "moments in 8 bits each, a quarter of the memory (arXiv:2110.02861)",
    [](const at::Tensor& like, size_t index) -> std::unique_ptr<AdamWState> {
      return std::make_unique<EightBitState>(like, index);
    },
    [](int64_t n) { return 2 * (n + n / kMomentBlock * int64_t{sizeof(float)}); }};

}  // namespace gradus::rl
