#include "rl/parallel/c10d.h"

#include "base/error.h"

#ifdef GRADUS_GLOO

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <vector>

#include "base/failure_text.h"
#include "base/version.h"

namespace gradus::rl {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kBeat{250};
constexpr milliseconds kLookForMissing{50};
constexpr std::chrono::seconds kSayWhoIsMissing{5};
constexpr milliseconds kHeardOf{1200};  ///< in which a living peer beats
constexpr milliseconds kToLeave{3000};  ///< once a rank has given up

milliseconds ms(double seconds) {
  return milliseconds(static_cast<int64_t>(seconds * 1000.0));
}

std::vector<uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string text_of(const std::vector<uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "?";
}

/// The first line of what LibTorch throws: the rest is its own call stack.
std::string first_line(const std::exception& error) {
  const std::string text = failure_text(error);
  return text.substr(0, text.find('\n'));
}

/// What a rank tells the others of itself when it joins.
struct Joined {
  int size = 0;
  std::string host;
  std::string process;
  std::string version;

  std::string text() const { return fmt::format("{}|{}|{}|{}", size, host, process, version); }
  static Joined of(const std::string& text) {
    Joined joined;
    std::vector<std::string> parts(1);
    for (const char c : text)
      if (c == '|')
        parts.emplace_back();
      else
        parts.back().push_back(c);
    parts.resize(4);
    joined.size = std::atoi(parts[0].c_str());
    joined.host = parts[1];
    joined.process = parts[2];
    joined.version = parts[3];
    return joined;
  }
};

std::string name_of(int rank, const Joined& joined) {
  return fmt::format("rank {} ({}, process {})", rank, joined.host, joined.process);
}

c10::intrusive_ptr<c10d::Store> connect(const RankPlace& place, bool serves, double timeout_s) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(place.port);
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = ms(timeout_s);
  try {
    auto store = c10::make_intrusive<c10d::TCPStore>(place.address, options);
    return c10::make_intrusive<c10d::PrefixStore>(
        fmt::format("gradus/{}/{}", place.run, place.restart), store);
  } catch (const std::exception& error) {
    throw PeerError(fmt::format(
        "rank {}: the store at {}:{} {}: {}", place.rank, place.address, place.port,
        serves ? "can't be served (is the port taken?)" : "can't be reached", first_line(error)));
  }
}

/// The own address on the way to the store's machine; "" where there is none.
std::string address_towards(const std::string& host, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return "";
  std::string address;
  for (const addrinfo* way = found; way != nullptr && address.empty(); way = way->ai_next) {
    const int fd = ::socket(way->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    sockaddr_storage own{};
    socklen_t length = sizeof own;
    char text[NI_MAXHOST] = {};
    if (::connect(fd, way->ai_addr, way->ai_addrlen) == 0 &&
        ::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) == 0 &&
        ::getnameinfo(reinterpret_cast<sockaddr*>(&own), length, text, sizeof text, nullptr, 0,
                      NI_NUMERICHOST) == 0)
      address = text;
    ::close(fd);
  }
  ::freeaddrinfo(found);
  return address;
}

bool is_loopback(const std::string& address) {
  return address.empty() || address.starts_with("127.") || address == "::1";
}

/// [R] who has joined; waits for all.
std::vector<Joined> meet(c10d::Store& store, const RankPlace& place, double timeout_s,
                         const SayLine& say) {
  const Joined own{place.size, host_name(), std::to_string(::getpid()), kVersion};
  const auto key = [](int rank) { return fmt::format("joined/{}", rank); };
  const std::string there = text_of(store.compareSet(key(place.rank), {}, bytes_of(own.text())));
  if (there != own.text())
    throw ConfigError(
        fmt::format("rank {}: there are two of it, here and as {}; each process "
                    "needs a rank of its own",
                    place.rank, name_of(place.rank, Joined::of(there))));
  std::vector<Joined> all(static_cast<size_t>(place.size));
  std::vector<int> missing;
  for (int r = 0; r < place.size; ++r) missing.push_back(r);
  const auto begin = Clock::now();
  auto said = begin;
  while (true) {
    std::erase_if(missing, [&](int r) {
      if (!store.check({key(r)})) return false;
      all[static_cast<size_t>(r)] = Joined::of(text_of(store.get(key(r))));
      return true;
    });
    if (missing.empty()) return all;
    const auto now = Clock::now();
    const auto text = [&] {
      return fmt::format("{} of {} ranks are here, missing: {}",
                         place.size - static_cast<int>(missing.size()), place.size,
                         fmt::join(missing, ", "));
    };
    if (now - begin > ms(timeout_s))
      throw PeerError(fmt::format("{} after {:.0f} s (cluster.join_timeout_s)", text(), timeout_s));
    if (now - said > kSayWhoIsMissing) {
      say(text());
      said = now;
    }
    std::this_thread::sleep_for(kLookForMissing);
  }
}

void check_joined(const std::vector<Joined>& all, const RankPlace& place) {
  for (int r = 0; r < place.size; ++r) {
    const Joined& other = all[static_cast<size_t>(r)];
    if (other.size != place.size)
      throw ConfigError(fmt::format("{} says that there are {} ranks, rank {} that there are {}",
                                    name_of(r, other), other.size, place.rank, place.size));
    if (other.version != kVersion)
      throw ConfigError(fmt::format("{} runs gradus {}, rank {} runs {}", name_of(r, other),
                                    other.version, place.rank, kVersion));
  }
}

std::shared_ptr<gloo::transport::Device> device_of(const RankPlace& place,
                                                   const ClusterConfig& config,
                                                   const std::vector<Joined>& all) {
  const std::string wanted =
      !config.interface.empty() ? config.interface
                                : read_variable("GLOO_SOCKET_IFNAME").value_or("");
  try {
    if (!wanted.empty())
      return c10d::ProcessGroupGloo::createDeviceForInterface(wanted.substr(0, wanted.find(',')));
    const std::string address = address_towards(place.address, place.port);
    const bool is_one_host =
        std::ranges::all_of(all, [&](const Joined& other) { return other.host == all[0].host; });
    if (is_loopback(address) && !is_one_host)
      throw ConfigError(fmt::format(
          "rank {}: the way to {} leads over the loopback ({}), where other machines can't reach "
          "this one. Give MASTER_ADDR as an address that all machines can reach, or name the "
          "network in cluster.interface",
          place.rank, place.address, address.empty() ? "no address" : address));
    return c10d::ProcessGroupGloo::createDeviceForHostname(address.empty() ? "127.0.0.1" : address);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw ConfigError(
        fmt::format("cluster.interface: \"{}\" can't be used: {}", wanted, first_line(error)));
  }
}

/// Tells the others that this process lives, and looks whether they do.
class Watch {
 public:
  Watch(c10::intrusive_ptr<c10d::Store> store, const RankPlace& place, double peer_timeout_s,
        const std::vector<Joined>& all)
      : store_(std::move(store)),
        place_(place),
        peer_timeout_(ms(peer_timeout_s)),
        all_(all),
        heard_(all.size(), {-1, Clock::now()}),
        thread_([this](const std::stop_token& stop) { watch(stop); }) {}

 private:
  struct Heard {
    int64_t beat = -1;
    Clock::time_point at;
  };

  void watch(const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      try {
        look();
      } catch (const std::exception& error) {
        if (stop.stop_requested()) return;
        end(kMayRestart, fmt::format("the store at {}:{} is gone: {}", place_.address, place_.port,
                                     first_line(error)));
      }
      wake.wait_for(lock, stop, kBeat, [] { return false; });
    }
  }

  void look() {
    store_->add(fmt::format("beat/{}", place_.rank), 1);
    const auto now = Clock::now();
    if (!aborted_at_ && store_->check({"abort"})) aborted_at_ = now;
    // Most find it in their next call, and may save before they go.
    if (aborted_at_ && now - *aborted_at_ > kToLeave)
      end(kMustNotRestart, text_of(store_->get("abort")));
    for (int r = 0; r < place_.size; ++r) {
      if (r == place_.rank) continue;
      Heard& heard = heard_[static_cast<size_t>(r)];
      const int64_t beat = store_->add(fmt::format("beat/{}", r), 0);
      if (beat != heard.beat)
        heard = {beat, now};
      else if (now - heard.at > peer_timeout_ && !store_->check({fmt::format("left/{}", r)}))
        end(kMayRestart,
            fmt::format("{} has not been heard of for {:.1f} s (cluster.peer_timeout_s)",
                        name_of(r, all_[static_cast<size_t>(r)]),
                        std::chrono::duration<double>(now - heard.at).count()));
    }
  }

  /// The main thread may be in a call that nobody will ever answer.
  [[noreturn]] void end(int code, const std::string& reason) const {
    const std::string message = fmt::format("gradus: rank {}: {}\n", place_.rank, reason);
    write_rank_error(message);
    std::fputs(message.c_str(), stderr);
    std::fflush(nullptr);
    std::_Exit(code);
  }

  c10::intrusive_ptr<c10d::Store> store_;  ///< of this thread alone
  RankPlace place_;
  milliseconds peer_timeout_;
  std::vector<Joined> all_;
  std::vector<Heard> heard_;
  std::optional<Clock::time_point> aborted_at_;
  std::jthread thread_;  ///< last: it uses the rest
};

class Ranks final : public Communicator {
 public:
  Ranks(const RankPlace& place, const ClusterConfig& config, const SayLine& say) : place_(place) {
    const bool serves = place.rank == 0 && !place.is_store_served;
    store_ = connect(place, serves, config.join_timeout_s);
    all_ = meet(*store_, place, config.join_timeout_s, say);
    check_joined(all_, place);
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

  ~Ranks() override {
    try {
      store_->set(fmt::format("left/{}", place_.rank), bytes_of("done"));
    } catch (const std::exception&) {  // the store went first
    }
    watch_.reset();
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
  c10::intrusive_ptr<c10d::Store> store_;
  std::vector<Joined> all_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  std::optional<Watch> watch_;
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
