#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros_like.h>

#include "rl/learn/optimizers/adamw_state.h"
#include "rl/learn/optimizers/tensor_adamw.h"

namespace gradus::rl {
namespace {

class Float32State : public AdamWState {
 public:
  explicit Float32State(const at::Tensor& like)
      : exp_avg_(at::zeros_like(like, at::MemoryFormat::Contiguous)),
        exp_avg_sq_(at::zeros_like(like, at::MemoryFormat::Contiguous)) {}

  void step(const at::Tensor& value, const at::Tensor& grad,
            const policy::kernels::AdamWStep& settings, ThreadTeam& team) override {
    if (!value.is_cpu()) {
      tensor_adamw_step(value, grad, exp_avg_, exp_avg_sq_, settings);
      return;
    }
    policy::kernels::adamw_step(team, value.mutable_data_ptr<float>(), grad.const_data_ptr<float>(),
                                exp_avg_.mutable_data_ptr<float>(),
                                exp_avg_sq_.mutable_data_ptr<float>(), value.numel(), settings);
  }

  std::vector<std::pair<std::string, at::Tensor>> tensors() const override {
    return {{"exp_avg", exp_avg_}, {"exp_avg_sq", exp_avg_sq_}};
  }

 private:
  at::Tensor exp_avg_;
  at::Tensor exp_avg_sq_;
};

}  // namespace

extern const AdamWKind kAdamWFloat32;
const AdamWKind kAdamWFloat32 = {"adamw", "moments in float32",
                                 [](const at::Tensor& like, size_t) -> std::unique_ptr<AdamWState> {
                                   return std::make_unique<Float32State>(like);
                                 },
                                 [](int64_t n) { return 2 * n * int64_t{sizeof(float)}; }};

}  // namespace gradus::rl
