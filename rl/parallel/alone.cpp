#include "rl/parallel/communicator.h"

namespace gradus::rl {
namespace {

class Alone final : public Communicator {
 public:
  int size() const override { return 1; }
  int rank() const override { return 0; }
  void broadcast(at::Tensor&, int) override {}
  void all_reduce(at::Tensor&, ReduceOp) override {}
  void all_gather(at::Tensor& out, const at::Tensor& in) override { out.copy_(in.view_as(out)); }
  void all_to_all(at::Tensor& out, std::span<const int64_t>, const at::Tensor& in,
                  std::span<const int64_t>) override {
    out.copy_(in);
  }
  void barrier() override {}
  void abort(const std::string&) override {}
};

}  // namespace

std::unique_ptr<Communicator> alone() {
  return std::make_unique<Alone>();
}

}  // namespace gradus::rl
