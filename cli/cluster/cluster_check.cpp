#include "cli/cluster/cluster_check.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "base/process/free_memory.h"
#include "base/process/usable_cores.h"
#include "base/quantity.h"
#include "rl/parallel/bytes.h"
#include "rl/parallel/gather.h"
#include "rl/run/file_sum.h"

namespace gradus::cli {
namespace {

constexpr int kSmallCalls = 50;
constexpr int64_t kLargeElements = int64_t{16} << 20;  // 64 MiB

struct RankFacts {
  std::string host;
  int64_t process = 0;
  int cores = 0;
  int64_t free_memory = 0;
  double wall_s = 0.0;
  std::string program;
};

std::string own_facts() {
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = '?';
  rl::ByteWriter out;
  out.text(host);
  out.number(int64_t{::getpid()});
  out.number(usable_cores());
  out.number(free_memory_bytes());
  out.number(machine_clock().wall_s());
  out.text(rl::sum_of_file("/proc/self/exe").crc64);
  return out.take();
}

RankFacts facts_of(const std::string& bytes) {
  rl::ByteReader in(bytes);
  RankFacts facts;
  facts.host = in.text();
  facts.process = in.number<int64_t>();
  facts.cores = in.number<int>();
  facts.free_memory = in.number<int64_t>();
  facts.wall_s = in.number<double>();
  facts.program = in.text();
  return facts;
}

/// Seconds of one call.
template <class Call>
double seconds_of(int times, Call&& call) {
  const double begin = machine_clock().now_s();
  for (int i = 0; i < times; ++i) call();
  return (machine_clock().now_s() - begin) / times;
}

void print_ranks(const std::vector<RankFacts>& all, std::ostream& out) {
  out << fmt::format("{:<5} {:<24} {:>8} {:>6} {:>12} {:>9}  {}\n", "rank", "host", "process",
                     "cores", "free memory", "clock", "program");
  for (size_t r = 0; r < all.size(); ++r)
    out << fmt::format("{:<5} {:<24} {:>8} {:>6} {:>12} {:>+8.2f}s  {}\n", r, all[r].host,
                       all[r].process, all[r].cores,
                       bytes_text(static_cast<double>(all[r].free_memory)),
                       all[r].wall_s - all[0].wall_s, all[r].program);
}

}  // namespace

void check_cluster(rl::Communicator& ranks, std::ostream& out) {
  ranks.barrier();  // clocks are read at one time
  std::vector<RankFacts> all;
  for (const auto& bytes : rl::gather_texts(ranks, own_facts())) all.push_back(facts_of(bytes));
  const double small_s = seconds_of(kSmallCalls, [&] { rl::any_rank(ranks, false); });
  const int64_t R = ranks.size();
  at::Tensor given = at::ones({kLargeElements}, at::kFloat);
  std::vector<int64_t> to;
  for (int64_t r = 0; r < R; ++r)
    to.push_back(kLargeElements * (r + 1) / R - kLargeElements * r / R);
  const std::vector<int64_t> from(static_cast<size_t>(R), to[static_cast<size_t>(ranks.rank())]);
  at::Tensor received = at::zeros({R * from[0]}, at::kFloat);
  const double large_s = seconds_of(1, [&] { ranks.all_to_all(received, from, given, to); });
  if (ranks.rank() == 0) {
    print_ranks(all, out);
    const double bytes = static_cast<double>(kLargeElements) * sizeof(float);
    out << fmt::format("\na word to all and back: {:.2f} ms; 64 MiB shared out: {:.0f} ms, {}/s\n",
                       small_s * 1e3, large_s * 1e3, bytes_text(bytes / large_s));
  }
  for (const RankFacts& facts : all)
    if (facts.program != all[0].program)
      throw ConfigError("not all ranks run the same program (last column): copy one build to all");
}

}  // namespace gradus::cli
