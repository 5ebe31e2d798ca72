// Destructive code in the sandbox: run by behind_outer_wall.sh alone.

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "rewards/reward_rule.h"
#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"
#include "tests/support/skip.h"

using namespace gradus;
using namespace gradus::rewards;
using nlohmann::json;

namespace {

bool is_behind_wall() {
  return std::getenv("GRADUS_BEHIND_OUTER_WALL") != nullptr && ::getpid() < 100;
}

// Each completion names a fault; "ok N" is worth N.
const char* const kRule = R"py(
import ctypes, os, signal, socket, sys, threading, time

def fork_bomb():
    while True:
        try: os.fork()
        except OSError: pass

def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for s in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(s, signal.SIG_IGN)
            time.sleep(1000)
        os._exit(0)
    return 1.0

def thread_bomb():
    n = 0
    while True:
        try: threading.Thread(target=time.sleep, args=(1000,), daemon=True).start(); n += 1
        except RuntimeError: return float(n < 200)

def memory_bomb():
    blocks = []
    while True: blocks.append(bytearray(64 << 20))

def memory_tree():
    for _ in range(6):
        if os.fork() == 0:
            b = bytearray(150 << 20)
            time.sleep(1000)
    time.sleep(1000)

def fill_scratch():
    with open("/tmp/fill", "wb") as f:
        while True: f.write(b"x" * (1 << 20))

def deaf():
    for s in range(1, 65):
        try: signal.signal(s, signal.SIG_IGN)
        except (OSError, ValueError): pass
    while True: pass

def stop_self(): os.kill(os.getpid(), signal.SIGSTOP); return 1.0
def kill_all():
    try: os.kill(-1, signal.SIGKILL)
    except OSError: pass
    return 1.0
def kill_init():
    try: os.kill(1, signal.SIGKILL)
    except OSError: pass
    time.sleep(0.05); return 1.0
def close_all():
    os.closerange(0, 256); return 1.0
def forge():
    for fd in range(3, 32):
        try: os.write(fd, b'{"nonce": "0", "scores": [9]}\n')
        except OSError: pass
    return 1.0
def flood():
    for _ in range(300): os.write(1, b"x" * 65536); os.write(2, b"\xff" * 65536)
    return 1.0
def late():
    time.sleep(30); return 9.0
def deep():
    return deep()
def hard_recursion():
    sys.setrecursionlimit(10**9); return deep()
def segfault(): ctypes.string_at(8)
def connect():
    try: socket.create_connection(("127.0.0.1", 22), 1)
    except OSError: return 1.0
    return 9.0
def read_parent():
    for path in ("/proc/1/environ", "/proc/1/mem", "/root/.ssh", "/etc/shadow", "/proc/kcore"):
        try: open(path, "rb").read(1); return 9.0
        except OSError: pass
    return 1.0
def trace():
    libc = ctypes.CDLL(None, use_errno=True)
    return 1.0 if libc.ptrace(16, 1, 0, 0) == -1 else 9.0
def mounts():
    libc = ctypes.CDLL(None, use_errno=True)
    return 1.0 if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == -1 and libc.unshare(0x10000000) == -1 else 9.0
def write_interpreter():
    try: open(os.__file__, "a"); return 9.0
    except OSError: return 1.0

def one(text):
    word = text.split()
    if word[0] == "ok": return float(word[1])
    if word[0] == "nan": return float("nan")
    if word[0] == "inf": return float("-inf")
    if word[0] == "text": return "1"
    if word[0] == "none": return None
    if word[0] == "raise": raise RuntimeError("as told")
    if word[0] == "exit": os._exit(0)
    if word[0] == "sysexit": sys.exit(0)
    if word[0] == "abort": os.abort()
    if word[0] == "sleep": time.sleep(1000)
    if word[0] == "busy":
        while True: pass
    return globals()[word[0]]()

def single(data_source, solution_str, ground_truth, extra_info=None): return one(solution_str)
def group(completions, **kwargs):
    if completions[0] == "few": return [1.0]
    if completions[0] == "many": return [1.0] * 9
    if completions[0] == "dict": return {}
    return [one(c) for c in completions]
)py";

struct Expected {
  GradeOutcome outcome;
  double value;
};

// What each fault must come to. Those that end in a limit of time are kept to themselves.
const std::map<std::string, Expected>& quick_faults() {
  using O = GradeOutcome;
  static const std::map<std::string, Expected> faults{
      {"nan", {O::failed, 0}},         {"inf", {O::failed, 0}},
      {"text", {O::failed, 0}},        {"none", {O::skipped, 0}},
      {"raise", {O::failed, 0}},       {"exit", {O::failed, 0}},
      {"sysexit", {O::failed, 0}},     {"abort", {O::failed, 0}},
      {"daemon", {O::scored, 1}},      {"memory_bomb", {O::failed, 0}},
      {"kill_all", {O::scored, 1}},    {"kill_init", {O::scored, 1}},
      {"close_all", {O::failed, 0}},   {"forge", {O::failed, 0}},
      {"flood", {O::scored, 1}},       {"deep", {O::failed, 0}},
      {"segfault", {O::failed, 0}},    {"connect", {O::scored, 1}},
      {"read_parent", {O::scored, 1}}, {"trace", {O::scored, 1}},
      {"mounts", {O::scored, 1}},      {"write_interpreter", {O::scored, 1}},
      {"fill_scratch", {O::failed, 0}}};
  return faults;
}

const std::vector<std::string>& slow_faults() {
  static const std::vector<std::string> faults{"sleep", "busy", "deaf", "stop_self", "late"};
  return faults;
}

json options(const PluginFolder& folder, const std::string& function, double timeout_s) {
  return {{"file", folder.add("rule.py", kRule) + ":" + function},
          {"timeout_s", timeout_s},
          {"memory_mb", 300},
          {"scratch_mb", 16},
          {"num_processes", 24},
          {"interpreter", "/usr/bin/python3"}};
}

/// Processes of this PID namespace beside us.
int num_other_processes() {
  int count = 0;
  DIR* proc = ::opendir("/proc");
  while (const dirent* entry = ::readdir(proc)) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    count += std::atoi(entry->d_name) != ::getpid() ? 1 : 0;
  }
  ::closedir(proc);
  return count;
}

bool comes_down_to(int wanted) {
  for (int round = 0; round < 200; ++round) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (num_other_processes() <= wanted) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

int64_t resident_kb() {
  std::ifstream in("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  in >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) / 1024;
}

int num_descriptors() {
  int count = 0;
  DIR* folder = ::opendir("/proc/self/fd");
  while (::readdir(folder) != nullptr) ++count;
  ::closedir(folder);
  return count;
}

void check_grade(const std::string& fault, const Grade& grade, const Expected& expected) {
  CAPTURE(fault, grade.reason, grade.value);
  CHECK(static_cast<int>(grade.outcome) == static_cast<int>(expected.outcome));
  if (expected.outcome == GradeOutcome::scored) CHECK(grade.value == expected.value);
  if (expected.outcome == GradeOutcome::failed) CHECK_FALSE(grade.reason.empty());
}

}  // namespace

TEST_CASE("every fault is its own completion's, and the pool goes on", "[faults]") {
  if (!is_behind_wall()) return tests::skip("not behind behind_outer_wall.sh");
  const int before = num_other_processes();
  {
    const PluginFolder folder;
    const auto rule = make_rule("python", options(folder, "single", 8.0));
    for (const auto& [fault, expected] : quick_faults()) {
      const auto grades = grades_of(*rule, {"ok 1", fault, "ok 2"});
      REQUIRE(grades.size() == 3);
      check_grade("before " + fault, grades[0], {GradeOutcome::scored, 1});
      check_grade(fault, grades[1], expected);
      check_grade("after " + fault, grades[2], {GradeOutcome::scored, 2});
    }
  }
  CHECK(comes_down_to(before));
}

TEST_CASE("a whole group's faults are told", "[faults]") {
  if (!is_behind_wall()) return tests::skip("not behind behind_outer_wall.sh");
  const PluginFolder folder;
  const auto rule = make_rule("python", options(folder, "group", 8.0));
  for (const std::string fault : {"few", "many", "dict", "raise", "exit", "abort", "forge"}) {
    CAPTURE(fault);
    const auto grades = grades_of(*rule, {fault, "ok 1"});
    REQUIRE(grades.size() == 2);
    CHECK(grades[1].outcome == GradeOutcome::failed);
    CHECK_FALSE(grades[1].reason.empty());
    CHECK(grades_of(*rule, {"ok 3"})[0].value == 3.0);
  }
}

TEST_CASE("what hangs is killed at its limit, with all its processes", "[faults]") {
  if (!is_behind_wall()) return tests::skip("not behind behind_outer_wall.sh");
  const int before = num_other_processes();
  {
    const PluginFolder folder;
    const auto rule = make_rule("python", options(folder, "single", 0.7));
    for (const std::string& fault : slow_faults()) {
      const auto begin = std::chrono::steady_clock::now();
      const Grade grade = grades_of(*rule, {fault})[0];
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
      CAPTURE(fault, grade.reason, took.count());
      CHECK(grade.outcome == GradeOutcome::timed_out);
      CHECK(took.count() < 0.7 + 3.0);
    }
    const auto bomb = make_rule("python", options(folder, "single", 4.0));
    CHECK(grades_of(*bomb, {"fork_bomb"})[0].outcome == GradeOutcome::timed_out);
    // No single process passes its limit, all together do. How long six processes take to touch
    // their pages is the machine's matter, so the limit of time is far away.
    const auto tree_rule = make_rule("python", options(folder, "single", 60.0));
    const Grade tree = grades_of(*tree_rule, {"memory_tree"})[0];
    CAPTURE(tree.reason);
    CHECK_THAT(tree.reason, Catch::Contains("together passed the memory limit"));
    CHECK(grades_of(*bomb, {"ok 4"})[0].value == 4.0);
    CHECK(grades_of(*bomb, {"thread_bomb"})[0].value == 1.0);
  }
  CHECK(comes_down_to(before));
}

namespace {

/// `count` random faults among good completions, from two threads, over two pools.
void soak(int count) {
  const int before = num_other_processes();
  {
    const PluginFolder folder;
    json config = options(folder, "single", 1.0);
    config["num_workers"] = 2;
    const auto rule = make_rule("python", config);
    std::vector<std::string> names;
    for (const auto& [fault, expected] : quick_faults()) names.push_back(fault);
    std::atomic<int> num_wrong{0};
    std::atomic<int> num_grades{0};
    std::mutex mutex;
    std::string first_wrong;
    const auto work = [&](unsigned seed) {
      std::mt19937 random(seed);
      for (int done = 0; done < count / 2;) {
        std::vector<std::string> texts;
        for (int i = 0; i < 6; ++i) {
          const auto pick = random();
          if (pick % 2 == 0) {
            texts.push_back("ok " + std::to_string(pick % 1000));
          } else if (pick % 40 == 1) {
            texts.push_back(slow_faults()[pick / 40 % slow_faults().size()]);
          } else {
            texts.push_back(names[pick / 2 % names.size()]);
          }
          done += pick % 2 == 0 ? 0 : 1;
        }
        const auto grades = grades_of(*rule, texts);
        num_grades += static_cast<int>(grades.size());
        for (size_t i = 0; i < texts.size(); ++i) {
          Expected expected{GradeOutcome::timed_out, 0};
          if (texts[i].rfind("ok ", 0) == 0)
            expected = {GradeOutcome::scored, std::stod(texts[i].substr(3))};
          if (quick_faults().count(texts[i]) != 0) expected = quick_faults().at(texts[i]);
          const bool is_right =
              i < grades.size() && grades[i].outcome == expected.outcome &&
              (expected.outcome != GradeOutcome::scored || grades[i].value == expected.value);
          if (is_right) continue;
          const std::lock_guard lock(mutex);
          ++num_wrong;
          if (first_wrong.empty()) first_wrong = texts[i] + ": " + grades.at(i).reason;
        }
      }
    };
    work(99);  // settles what is allocated once
    [[maybe_unused]] const int64_t memory = resident_kb();
    const int descriptors = num_descriptors();
    std::thread first(work, 1);
    std::thread second(work, 2);
    first.join();
    second.join();
    CAPTURE(first_wrong, num_grades.load());
    CHECK(num_wrong == 0);
    CHECK(num_descriptors() <= descriptors + 8);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // they keep what is freed
    CAPTURE(memory, resident_kb());
    CHECK(resident_kb() < memory + 4096);
#endif
  }
  CHECK(comes_down_to(before));
}

}  // namespace

TEST_CASE("forty mixed faults lose no grade and leave no process", "[faults]") {
  if (!is_behind_wall()) return tests::skip("not behind behind_outer_wall.sh");
  soak(40);
}

TEST_CASE("a thousand mixed faults lose no grade and leave no process", "[.long]") {
  if (!is_behind_wall()) return tests::skip("not behind behind_outer_wall.sh");
  soak(1000);
}
