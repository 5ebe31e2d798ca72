// Grades a second of rules made of others' code, through the isolated pool, and what it costs to
// start a process and a sandbox. Two threads grade with two processes, as a trainer on two cores
// does.
//
//   bench_reward_plugins [SECONDS]

#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "rewards/registry.h"
#include "rewards/sandbox/sandbox.h"

namespace {

using namespace gradus::rewards;
using nlohmann::json;
namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kPython = R"py(
import re
def trl(completions, answer, **kwargs):
    return [float(c.rsplit("####", 1)[-1].strip() == a) for c, a in zip(completions, answer)]
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    return float(solution_str.rsplit("####", 1)[-1].strip() == ground_truth)
def grade(sample, item):
    return float(sample["output_text"].rsplit("####", 1)[-1].strip() == item["answer"])
)py";

constexpr const char* kLua = R"lua(
function reward(s)
  return s.completion:match("####%s*(%S+)%s*$") == s.row.answer and 1 or 0
end
)lua";

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::unique_ptr<RewardRule> rule_of(const std::string& type, json options) {
  RewardConfig config;
  config.type = type;
  options["num_workers"] = 2;
  config.options = std::move(options);
  return make_reward_rule(config);
}

struct Load {
  size_t group_size;
  size_t num_bytes;
  size_t num_tokens;
};

/// Grades a second.
double measure(RewardRule& rule, const Load& load, double seconds) {
  const json row{{"question", "How many?"}, {"answer", "42"}};
  const std::string text = std::string(load.num_bytes, 'x') + " #### 42";
  const std::vector<int32_t> ids(load.num_tokens, 12345);
  std::vector<RewardInput> group(load.group_size);
  for (auto& input : group) {
    input.prompt = "How many?";
    input.completion = text;
    input.completion_ids = ids;
    input.row = &row;
  }
  std::atomic<size_t> num_grades{0};
  std::atomic<size_t> num_wrong{0};
  const auto begin = Clock::now();
  const auto work = [&] {
    while (seconds_since(begin) < seconds) {
      for (const Grade& grade : rule.grade(group)) {
        num_wrong += grade.outcome == GradeOutcome::scored && grade.value == 1.0 ? 0 : 1;
      }
      num_grades += group.size();
    }
  };
  std::thread other(work);
  work();
  other.join();
  if (num_wrong > 0) std::printf("  %zu grades are wrong\n", num_wrong.load());
  return static_cast<double>(num_grades) / seconds_since(begin);
}

void print_rates(const char* name, RewardRule& rule, double seconds) {
  std::printf("%-28s", name);
  for (const Load& load : {Load{8, 400, 0}, Load{64, 400, 0}, Load{16, 2000, 500}}) {
    measure(rule, load, 0.2);
    std::printf(" %10.0f", measure(rule, load, seconds));
    std::fflush(stdout);
  }
  std::printf("\n");
}

template <class Work>
double milliseconds_of(int repeats, Work work) {
  work();
  const auto begin = Clock::now();
  for (int i = 0; i < repeats; ++i) work();
  return seconds_since(begin) * 1e3 / repeats;
}

void print_starts(const std::string& python) {
  const sandbox::Sandbox wall(sandbox::Isolation::weak);
  std::printf("\nwall: %s\n", wall.probe().description().c_str());
  const auto run = [&](std::vector<std::string> command) {
    sandbox::SandboxConfig config;
    config.command = std::move(command);
    return milliseconds_of(50, [&] {
      const auto process = wall.start(config);
      process->wait_end(sandbox::deadline_in(10));
    });
  };
  std::printf("a sandboxed true:          %6.2f ms\n", run({"/usr/bin/true"}));
  std::printf("a sandboxed python3 -c 1:  %6.2f ms\n", run({"/usr/bin/python3", "-c", "1"}));
  std::printf("/usr/bin/python3 -c 1:     %6.2f ms (no sandbox)\n", milliseconds_of(20, [] {
                if (std::system("/usr/bin/python3 -c 1") != 0) std::abort();
              }));
  std::printf("a rule with two workers:   %6.2f ms (finds its Python, probes the wall, loads)\n",
              milliseconds_of(5, [&] {
                rule_of("python", {{"file", python + ":trl"}, {"interpreter", "/usr/bin/python3"}});
              }));
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2.0;
  std::string name = (fs::temp_directory_path() / "gradus-bench-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  const std::string python = (folder / "rule.py").string();
  const std::string lua = (folder / "rule.lua").string();
  std::ofstream(python) << kPython;
  std::ofstream(lua) << kLua;
  std::printf("grades/s                     8 x 400 B  64 x 400 B  16 x 2 kB, 500 tokens\n");
  const auto by_python = [&](const char* function) {
    return rule_of("python", {{"file", python + ":" + function}});
  };
  print_rates("python, TRL's form", *by_python("trl"), seconds);
  print_rates("python, verl's form", *by_python("compute_score"), seconds);
  print_rates("python, OpenAI's form", *by_python("grade"), seconds);
  print_rates("lua", *rule_of("lua", {{"file", lua}}), seconds);
  print_starts(python);
  fs::remove_all(folder);
  return 0;
}
