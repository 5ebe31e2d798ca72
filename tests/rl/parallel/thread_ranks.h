#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/maximum.h>

#include <barrier>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// Ranks as threads of one process, which read each other's tensors.
class ThreadRanks {
 public:
  explicit ThreadRanks(int size) : barrier_(size), given_(static_cast<size_t>(size)) {}

  /// Calls `work` for every rank in a thread of its own.
  void run(const std::function<void(Communicator&)>& work) {
    std::vector<std::jthread> threads;
    for (int rank = 0; rank < size(); ++rank)
      threads.emplace_back([this, rank, &work] {
        One one(*this, rank);
        work(one);
      });
  }

 private:
  struct Given {
    const at::Tensor* tensor = nullptr;
    std::vector<int64_t> to;
  };

  class One final : public Communicator {
   public:
    One(ThreadRanks& all, int rank) : all_(all), rank_(rank) {}
    int size() const override { return all_.size(); }
    int rank() const override { return rank_; }
    void broadcast(at::Tensor& tensor, int root) override {
      const at::Tensor own = tensor.clone();
      give(own);
      tensor.copy_(*all_.given_[static_cast<size_t>(root)].tensor);
      barrier();
    }
    void all_reduce(at::Tensor& tensor, ReduceOp op) override {
      const at::Tensor own = tensor.clone();
      give(own);
      at::Tensor sum = all_.given_[0].tensor->clone();
      for (size_t r = 1; r < all_.given_.size(); ++r)
        sum = op == ReduceOp::sum ? sum.add_(*all_.given_[r].tensor)
                                  : at::maximum(sum, *all_.given_[r].tensor);
      barrier();
      tensor.copy_(sum);
    }
    void all_gather(at::Tensor& out, const at::Tensor& in) override {
      give(in);
      for (int r = 0; r < size(); ++r)
        out.select(0, r).copy_(
            all_.given_[static_cast<size_t>(r)].tensor->view_as(out.select(0, r)));
      barrier();
    }
    void all_to_all(at::Tensor& out, std::span<const int64_t> from, const at::Tensor& in,
                    std::span<const int64_t> to) override {
      give(in, {to.begin(), to.end()});
      int64_t place = 0;
      for (int r = 0; r < size(); ++r) {
        const Given& theirs = all_.given_[static_cast<size_t>(r)];
        int64_t begin = 0;
        for (int before = 0; before < rank_; ++before)
          begin += theirs.to[static_cast<size_t>(before)];
        const int64_t count = from[static_cast<size_t>(r)];
        out.narrow(0, place, count).copy_(theirs.tensor->narrow(0, begin, count));
        place += count;
      }
      barrier();
    }
    void barrier() override { all_.barrier_.arrive_and_wait(); }
    void abort(const std::string&) override {}

   private:
    void give(const at::Tensor& tensor, std::vector<int64_t> to = {}) {
      all_.given_[static_cast<size_t>(rank_)] = {&tensor, std::move(to)};
      barrier();
    }
    ThreadRanks& all_;
    int rank_;
  };

  int size() const { return static_cast<int>(given_.size()); }

  std::barrier<> barrier_;
  std::vector<Given> given_;
};

}  // namespace gradus::rl
