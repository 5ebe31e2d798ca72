#include "rl/parallel/c10d.h"

#include "base/error.h"

#ifdef GRADUS_GLOO

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "rl/parallel/c10d_meeting.h"
#include "rl/parallel/c10d_watch.h"

namespace gradus::rl {
namespace {

constexpr std::chrono::seconds kToFollow{10};  // for the others, once rank 0 is done
constexpr std::chrono::milliseconds kLookForLeft{20};
constexpr std::chrono::milliseconds kHeardOf{1200};  // in which a living peer beats

class Ranks final : public Communicator {
 public:
  Ranks(const RankPlace& place, const ClusterConfig& config, const SayLine& say)
      : place_(place), serves_(place.rank == 0 && !place.is_store_served) {
    store_ = connect(place, serves_, config.join_timeout_s);
    all_ = meet(*store_, place, config.join_timeout_s, say);
    auto options = c10d::ProcessGroupGloo::Options::create(ms(config.timeout_s));
    options->devices = {device_of(place, config, all_)};
    try {
      group_ = c10::make_intrusive<c10d::ProcessGroupGloo>(store_, place.rank, place.size, options);
    } catch (const std::exception& error) {
      throw PeerError(
          fmt::format("rank {}: can't connect with the others: {}", place.rank, first_line(error)));
    }
    watch_.emplace(connect(place, false, config.join_timeout_s), place, config.peer_timeout_s,
                   all_);
  }

  /// The store must not go before those who look at it.
  ~Ranks() override {
    watch_.reset();
    try {
      store_->set(fmt::format("left/{}", place_.rank), bytes_of("done"));
      if (serves_) wait_for_others();
    } catch (const std::exception&) {  // the store went first
    }
  }

  int size() const override { return place_.size; }
  int rank() const override { return place_.rank; }

  void broadcast(at::Tensor& tensor, int root) override {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    std::vector<at::Tensor> tensors{tensor};
    call("broadcast", [&] { return group_->broadcast(tensors, options); });
  }

  void all_reduce(at::Tensor& tensor, ReduceOp op) override {
    at::Tensor all = at::empty({place_.size, tensor.numel()}, tensor.options());
    all_gather(all, tensor);
    at::Tensor sum = all.select(0, 0).clone();
    for (int r = 1; r < place_.size; ++r)
      if (op == ReduceOp::sum)
        sum.add_(all.select(0, r));
      else
        sum = at::maximum(sum, all.select(0, r));
    tensor.copy_(sum.view_as(tensor));
  }

  void all_gather(at::Tensor& out, const at::Tensor& in) override {
    at::Tensor flat = in.view({-1});
    at::Tensor flat_out = out.view({-1});
    call("all_gather", [&] { return group_->_allgather_base(flat_out, flat); });
  }

  void all_to_all(at::Tensor& out, std::span<const int64_t> from, const at::Tensor& in,
                  std::span<const int64_t> to) override {
    std::vector<int64_t> out_counts(from.begin(), from.end());
    std::vector<int64_t> in_counts(to.begin(), to.end());
    at::Tensor given = in;
    call("all_to_all", [&] { return group_->alltoall_base(out, given, out_counts, in_counts); });
  }

  void barrier() override {
    call("barrier", [&] { return group_->barrier(); });
  }

  void abort(const std::string& reason) override {
    try {
      store_->set(fmt::format("left/{}", place_.rank), bytes_of(reason));
      store_->set("abort", bytes_of(fmt::format("{} has given up: {}",
                                                name_of(place_.rank, all_[own()]), reason)));
    } catch (const std::exception&) {  // nobody is left to tell
    }
  }

 private:
  size_t own() const { return static_cast<size_t>(place_.rank); }

  void wait_for_others() {
    const auto begin = std::chrono::steady_clock::now();
    for (int r = 0; r < place_.size; ++r)
      while (!store_->check({fmt::format("left/{}", r)}) &&
             std::chrono::steady_clock::now() - begin < kToFollow)
        std::this_thread::sleep_for(kLookForLeft);
  }

  template <class Start>
  void call(const char* name, Start&& start) {
    ++num_calls_;
    try {
      start()->wait();
    } catch (const std::exception& error) {
      const std::string what = first_line(error);
      const std::string who = who_is_gone();
      if (const auto reason = given_up())
        throw PeerLost(fmt::format("rank {}: {}", place_.rank, *reason), false);
      throw PeerLost(
          fmt::format("rank {}: {} (call {}): {}: {}", place_.rank, name, num_calls_, who, what),
          true);
    }
  }

  /// What a rank has said that called `abort`.
  std::optional<std::string> given_up() {
    try {
      if (store_->check({"abort"})) return text_of(store_->get("abort"));
    } catch (const std::exception&) {  // who_is_gone has said so
    }
    return std::nullopt;
  }

  /// Those who have neither left in order nor been heard of since the error.
  std::string who_is_gone() {
    try {
      store_->set(fmt::format("left/{}", place_.rank), bytes_of("a call failed"));
      std::vector<int64_t> before;
      for (int r = 0; r < place_.size; ++r)
        before.push_back(store_->add(fmt::format("beat/{}", r), 0));
      std::this_thread::sleep_for(kHeardOf);
      std::vector<std::string> gone;
      for (int r = 0; r < place_.size; ++r) {
        if (r == place_.rank || store_->check({fmt::format("left/{}", r)})) continue;
        if (store_->add(fmt::format("beat/{}", r), 0) == before[static_cast<size_t>(r)])
          gone.push_back(name_of(r, all_[static_cast<size_t>(r)]));
      }
      if (gone.empty()) return "no rank is known to be gone";
      return fmt::format("{} {} gone", fmt::join(gone, ", "), gone.size() == 1 ? "is" : "are");
    } catch (const std::exception&) {
      return "the store is gone as well";
    }
  }

  RankPlace place_;
  bool serves_;
  c10::intrusive_ptr<c10d::Store> store_;
  std::vector<Joined> all_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  std::optional<RankWatch> watch_;
  int64_t num_calls_ = 0;
};

class Server final : public StoreServer {
 public:
  explicit Server(int port) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.isServer = true;
    options.waitWorkers = false;
    try {
      store_ = c10::make_intrusive<c10d::TCPStore>("localhost", options);
    } catch (const std::exception& error) {
      throw PeerError(fmt::format("port {}: the store can't be served there (is it taken?): {}",
                                  port, first_line(error)));
    }
  }
  int port() const override { return store_->getPort(); }

 private:
  c10::intrusive_ptr<c10d::TCPStore> store_;
};

}  // namespace

bool has_c10d() {
  return true;
}

std::shared_ptr<Communicator> join_ranks(const RankPlace& place, const ClusterConfig& config,
                                         const SayLine& say) {
  return std::make_shared<Ranks>(place, config, say);
}

std::unique_ptr<StoreServer> serve_store(int port) {
  return std::make_unique<Server>(port);
}

}  // namespace gradus::rl

#else  // without Gloo's headers

namespace gradus::rl {
namespace {

[[noreturn]] void refuse_ranks() {
  throw ConfigError(
      "this build of gradus knows no other processes: Gloo's headers were not there when it was "
      "built. Install libgloo-dev and build again, or run one process");
}

}  // namespace

bool has_c10d() {
  return false;
}

std::shared_ptr<Communicator> join_ranks(const RankPlace&, const ClusterConfig&, const SayLine&) {
  refuse_ranks();
}

std::unique_ptr<StoreServer> serve_store(int) {
  refuse_ranks();
}

}  // namespace gradus::rl

#endif
