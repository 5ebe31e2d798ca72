// Hostile programs of the model, plug-ins and replies of mixed kinds, graded by one process:
// no grade may be lost, wrong or forged, no process may be left, and this process's memory stays
// within 100 MB. Behind behind_outer_wall.sh alone.
//
//   hostile_run [COUNT = 60] [THREADS = 4]

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "rewards/reward_rule.h"
#include "tests/rewards/plugins/plugin_files.h"

using namespace gradus::rewards;
using nlohmann::json;

namespace {

constexpr int64_t kMaxGrowthKb = 100'000;

struct Case {
  const char* name;
  std::string rule;
  std::string completion;
  json row;
  std::function<bool(const Grade&)> is_right;
};

// --- what is asked for
// -----------------------------------------------------------------------------

bool is_worth(const Grade& grade, double value) {
  return grade.outcome == GradeOutcome::scored && grade.value == value;
}
bool is_nothing(const Grade& grade) {
  return is_worth(grade, 0.0);
}
bool is_one(const Grade& grade) {
  return is_worth(grade, 1.0);
}
bool is_failed(const Grade& grade) {
  return grade.outcome == GradeOutcome::failed && !grade.reason.empty();
}
bool is_stopped(const Grade& grade) {
  return is_failed(grade) || grade.outcome == GradeOutcome::timed_out;
}
bool is_not_paid(const Grade& grade) {
  return is_stopped(grade) || is_nothing(grade);
}

// --- programs of the model
// ---------------------------------------------------------------------------

std::string python(const std::string& text) {
  return "```python\n" + text + "\n```";
}

/// Finds its nonce in its own frames and says what it likes on its channel.
std::string on_channel(const std::string& text) {
  return python(
      "import os, sys\nf = sys._getframe()\nwhile 'request' not in f.f_locals: f = f.f_back\n"
      "n = f.f_locals['request']['nonce']\n"
      "def w(s):\n    s = s.encode()\n    while s: s = s[os.write(3, s):]\n" +
      text);
}

const json kIo{{"tests", {{{"input", ""}, {"output", "42"}}}}};
const json kCall{{"tests", {"assert f(1) == 2"}}};

void add_programs(std::vector<Case>& cases) {
  const auto io = [&](const char* name, const std::string& text, auto is_right) {
    cases.push_back({name, "code", python(text), kIo, is_right});
  };
  const auto hasty = [&](const char* name, const std::string& text, auto is_right) {
    cases.push_back({name, "hasty", python(text), kIo, is_right});
  };
  io("right", "print(42)", is_one);
  io("wrong", "print(41)", is_nothing);
  io("exit 0", "import os\nos._exit(0)", is_nothing);
  io("flood stdout", "import os\nwhile True: os.write(1, b'4' * 65536)", is_nothing);
  io("flood stderr", "import os\nfor i in range(300): os.write(2, b'x' * 65536)\nprint(42)",
     is_one);
  io("flood channel", "import os\nfor i in range(300): os.write(3, b'x' * 65536)\nprint(42)",
     is_one);
  hasty("sleep", "import time\ntime.sleep(60)", is_nothing);
  hasty("spin", "while True: pass", is_nothing);
  hasty("fork bomb", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        is_nothing);
  io("threads",
     "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, "
     "args=(9,)).start()\n    except RuntimeError: break\nimport os\nos._exit(1)",
     is_nothing);
}

void add_takers(std::vector<Case>& cases) {
  const auto io = [&](const char* name, const std::string& text, auto is_right) {
    cases.push_back({name, "code", python(text), kIo, is_right});
  };
  const auto hasty = [&](const char* name, const std::string& text, auto is_right) {
    cases.push_back({name, "hasty", python(text), kIo, is_right});
  };
  io("private memory", "b = []\nwhile True: b.append(bytearray(16 << 20))", is_nothing);
  hasty("tree memory",
        "import os, time\nfor i in range(8):\n    if os.fork() == 0:\n        b = bytearray(40 << "
        "20)\n"
        "        time.sleep(9)\ntime.sleep(9)\nprint(42)",
        is_nothing);
  io("shared memory", "import mmap\nm = mmap.mmap(-1, 300 << 20)\nm[0] = 1\nprint(42)", is_nothing);
  io("sockets",
     "import socket\nk = []\nfor i in range(400):\n    k += socket.socketpair()\nprint(42)",
     is_nothing);
  io("fill scratch", "f = open('/tmp/f', 'wb')\nwhile True: f.write(b'x' * (1 << 20)); f.flush()",
     is_nothing);
  io("daemon",
     "import os, signal, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
     "        time.sleep(600)\n    os._exit(0)\nprint(42, flush=True)\nos.close(1)\nos._exit(0)",
     is_one);
  io("kill all", "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\nos.kill(1, 9)\nprint(41)",
     is_nothing);
  io("segfault", "import ctypes\nctypes.string_at(8)", is_nothing);
  io("read others",
     "import os\nfor p in os.listdir('/proc'):\n    if p.isdigit() and int(p) != os.getpid():\n"
     "        open('/proc/' + p + '/mem', 'rb')\nprint('none')",
     is_nothing);
  io("named socket", "import socket\nsocket.socket(socket.AF_UNIX).connect('/run/x')", is_nothing);
  io("not text", "import os\nos.write(1, bytes(range(256)) * 4)", is_nothing);
}

void add_answers(std::vector<Case>& cases) {
  const auto call = [&](const char* name, const std::string& completion) {
    cases.push_back({name, "code", completion, kCall, is_nothing});
  };
  call("forged verdict", on_channel("w('{\"nonce\":\"%s\",\"verdict\":\"ok\"}\\n' % n)"));
  call("deep answer",
       on_channel("w('{\"nonce\":\"%s\",\"loaded\":%s}\\n' % (n, '[' * 200000 + ']' * "
                  "200000))"));
  call("large answer", on_channel("w('{\"nonce\":\"%s\",\"loaded\":true}\\n' % n)\n"
                                  "w('{\"nonce\":\"%s\",\"answer\":[' % n)\n"
                                  "w('[],' * 3000000 + '0]}\\n')"));
  call("half an answer", on_channel("w('{\"nonce\":\"%s\",\"load' % n)\nos._exit(0)"));
  call("key twice", on_channel("w('{\"nonce\":\"%s\",\"loaded\":true,\"loaded\":true}\\n' % n)"));
  call("equal to all",
       python("class A:\n    def __eq__(self, o): return True\ndef f(x): return A()"));
  call("no end of values", python("def f(x):\n    while True: pass"));
  cases.back().rule = "hasty";
  cases.push_back({"called", "code", python("def f(x): return x + 1"), kCall, is_one});
  cases.push_back({"deep tests",
                   "code",
                   python("def f(x): return x"),
                   {{"tests", std::string(100'000, '[')}},
                   [](const Grade& grade) { return grade.outcome == GradeOutcome::skipped; }});
}

// --- plug-ins
// ------------------------------------------------------------------------------------------

const char* const kCommand = R"py(
import json, os, sys
for line in sys.stdin:
    request = json.loads(line)
    text = request["completion"].replace("{N}", request["nonce"])
    text = text.replace("{DEEP}", "[" * 100000 + "]" * 100000).replace("{BIG}", "[]," * 900000)
    if text == "leave": sys.exit(0)
    data = text.encode("utf-8", "surrogateescape").replace(b"{BYTE}", b"\xff") + b"\n"
    while data: data = data[os.write(3, data):]
)py";

const char* const kGrader = R"py(
import subprocess, sys
def grade(sample, item):
    p = subprocess.run([sys.executable, "-c", sample["output_text"]], capture_output=True, timeout=3)
    return 1.0 if p.stdout.strip() == b"42" else 0.0
)py";

const char* const kScores = R"py(
import os, sys, time
def compute_score(data_source, solution_str, ground_truth, extra_info=None):
    tree = 0
    if solution_str == "nan": return float("nan")
    if solution_str == "deep":
        for i in range(500): tree = [tree]
    if solution_str == "large": tree = "x" * (60 << 20)
    if solution_str == "crash": os.abort()
    if solution_str == "exit": os._exit(0)
    if solution_str == "sleep": time.sleep(60)
    if solution_str == "surrogate": raise ValueError("\ud800")
    if solution_str == "channel": os.write(3, b'{"nonce":"0","score":1}\n')
    if solution_str == "huge": return 10 ** 400
    return {"score": 0.5, "tree": tree}
)py";

const char* const kLua = R"lua(
function reward(s)
  local c = s.completion
  if c == "coroutine" then coroutine.resume(coroutine.create(function() while true do end end)) end
  if c == "swallow" then while true do pcall(function() while true do end end) end end
  if c == "memory" then local t = {} while true do t[#t + 1] = string.rep("x", 1000000) end end
  if c == "move" then local t = {} for i = 1, 1000 do table.move(t, 1, 100000000, 2) end end
  if c == "find" then local s = string.rep("a", 1000000) while true do s:find("b", 1, true) end end
  if c == "deep" then local function f() return 1 + f() end return f() end
  return 0.5
end
)lua";

void add_replies(std::vector<Case>& cases) {
  const auto reply = [&](const char* name, const std::string& text, auto is_right) {
    cases.push_back({name, "command", text, nullptr, is_right});
  };
  const auto half = [](const Grade& grade) { return is_worth(grade, 0.5); };
  reply("right reply", R"({"nonce":"{N}","score":0.5})", half);
  reply("deep details", R"({"nonce":"{N}","score":1,"details":{DEEP}})", is_failed);
  reply("large details", R"({"nonce":"{N}","score":1,"details":[{BIG}0]})", is_failed);
  reply("score twice", R"({"nonce":"{N}","score":0,"score":1})", is_failed);
  reply("NaN", R"({"nonce":"{N}","score":NaN})", is_failed);
  reply("infinite", R"({"nonce":"{N}","score":1e999})", is_failed);
  reply("no UTF-8", R"({"nonce":"{N}","score":1,"reason":"{BYTE}"})", is_failed);
  reply("half a reply", R"({"nonce":"{N}","sc)", is_failed);
  reply("another's nonce", R"({"nonce":"0","score":1})", is_failed);
  reply("leaves", "leave", is_failed);
}

void add_functions(std::vector<Case>& cases) {
  const auto half = [](const Grade& grade) { return is_worth(grade, 0.5); };
  const auto scored = [&](const char* completion, auto is_right) {
    cases.push_back({completion, "verl", completion, nullptr, is_right});
  };
  for (const char* fine : {"fine", "deep", "large"}) scored(fine, half);
  for (const char* bad : {"nan", "crash", "exit", "surrogate", "channel", "huge"}) {
    scored(bad, is_stopped);
  }
  scored("sleep", is_stopped);
  cases.back().rule = "hasty verl";
  const auto graded = [&](const char* name, const std::string& code, auto is_right) {
    cases.push_back({name, "grader", code, nullptr, is_right});
  };
  graded("printed 42", "print(42)", is_one);
  graded("printed 41", "print(41)", is_nothing);
  graded("forges by /proc",
         "import os\nfor p in range(1, os.getpid()):\n    for f in range(3, 20):\n        try: "
         "os.write(os.open(f'/proc/{p}/fd/{f}', 1), b'1.0')\n        except OSError: pass",
         is_nothing);
  graded("kills its grader", "import os\nos.kill(os.getppid(), 9)", is_not_paid);
  graded("kills the group", "import os\nos.kill(-1, 9)", is_not_paid);
  graded("leaves a daemon", "import os, time\nif os.fork() == 0: os.setsid(); time.sleep(60)\n",
         is_not_paid);
  for (const char* bad : {"coroutine", "swallow", "move", "find", "deep"}) {
    cases.push_back({bad, "lua", bad, nullptr, is_failed});
  }
  cases.push_back({"memory", "lua", "memory", nullptr, is_stopped});
  cases.push_back({"lua", "lua", "fine", nullptr, half});
}

// --- what is looked at
// ---------------------------------------------------------------------------------

int64_t resident_kb() {
  int64_t kb = 0;
  std::FILE* file = std::fopen("/proc/self/status", "r");
  for (char line[256]; file != nullptr && std::fgets(line, sizeof(line), file) != nullptr;) {
    if (std::strncmp(line, "VmRSS:", 6) == 0) std::sscanf(line + 6, "%ld", &kb);
  }
  if (file != nullptr) std::fclose(file);
  return kb;
}

/// Processes of the wall's PID namespace but its first and this one.
int others() {
  int count = 0;
  DIR* proc = ::opendir("/proc");
  while (const dirent* entry = ::readdir(proc)) {
    const int pid = std::atoi(entry->d_name);
    count += pid > 1 && pid != ::getpid() ? 1 : 0;
  }
  ::closedir(proc);
  return count;
}

class Run {
 public:
  explicit Run(const PluginFolder& folder) {
    const char* wall = strongest_isolation();
    json code{{"timeout_s", 20}, {"memory_mb", 128}, {"scratch_mb", 16}, {"isolation", wall}};
    const json common{
        {"timeout_s", 6}, {"memory_mb", 512}, {"num_workers", 2}, {"isolation", wall}};
    const auto with = [&](json options) {
      options.update(common);
      return options;
    };
    rules_["code"] = make_rule("code", code);
    code["timeout_s"] = 1;  // of those that never end; a busy machine is slow, and no fault
    rules_["hasty"] = make_rule("code", code);
    rules_["command"] =
        make_rule("command", with({{"command", {"python3", folder.add("c.py", kCommand)}}}));
    json verl = with({{"file", folder.add("s.py", kScores) + ":compute_score"}});
    rules_["hasty verl"] = make_rule("python", verl);
    verl["timeout_s"] = 60;
    rules_["verl"] = make_rule("python", verl);
    rules_["grader"] =
        make_rule("python", with({{"file", folder.add("g.py", kGrader) + ":grade"}}));
    json lua = with({{"file", folder.add("l.lua", kLua)}});
    lua["timeout_s"] = 60;  // its work is counted
    rules_["lua"] = make_rule("lua", lua);
    for (const auto add : {add_programs, add_takers, add_answers, add_replies, add_functions}) {
      add(cases_);
    }
  }

  /// Grades the cases in turn; false: something was not as it must be.
  bool grade(size_t count, int num_threads) {
    std::atomic<size_t> next{0};
    const auto work = [&] {
      for (size_t i; (i = next.fetch_add(1)) < count;) grade_one(cases_[i % cases_.size()], i);
    };
    std::vector<std::jthread> threads;
    for (int i = 0; i < num_threads; ++i) threads.emplace_back(work);
    threads.clear();
    std::printf("%zu grades of %zu kinds; largest %ld kB, at first %ld kB\n", count, cases_.size(),
                static_cast<long>(most_kb_), static_cast<long>(first_kb_));
    if (most_kb_ - first_kb_ > kMaxGrowthKb) fault("memory", "grew by more than 100 MB");
    return num_faults_ == 0;
  }

  /// Ends the workers; false: a process is left.
  bool end() {
    rules_.clear();
    if (others() > num_others_) fault("processes", std::to_string(others()) + " are left");
    return num_faults_ == 0;
  }

 private:
  void grade_one(const Case& one, size_t index) {
    const auto grades = grades_of(*rules_.at(one.rule), {one.completion}, one.row);
    const int64_t kb = resident_kb();
    const std::lock_guard lock(mutex_);
    if (first_kb_ == 0) first_kb_ = kb;
    most_kb_ = std::max(most_kb_, kb);
    const Grade& grade = grades.at(0);
    if (one.is_right(grade)) return;
    fault(one.name, "grade " + std::to_string(index) + ": outcome " +
                        std::to_string(static_cast<int>(grade.outcome)) + ", value " +
                        std::to_string(grade.value) + ", " + grade.reason + " " +
                        grade.details.dump());
  }

  void fault(const std::string& where, const std::string& what) {
    ++num_faults_;
    std::printf("WRONG %s: %s\n", where.c_str(), what.c_str());
  }

  std::map<std::string, std::unique_ptr<RewardRule>> rules_;
  std::vector<Case> cases_;
  std::mutex mutex_;
  int num_others_ = others();
  int num_faults_ = 0;
  int64_t first_kb_ = 0;
  int64_t most_kb_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (std::getenv("GRADUS_BEHIND_OUTER_WALL") == nullptr || ::getpid() >= 100) {
    std::puts("SKIPPED: hostile_run: only behind behind_outer_wall.sh");
    return 77;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const PluginFolder folder;
  Run run(folder);
  const bool is_right = run.grade(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 60,
                                  argc > 2 ? std::atoi(argv[2]) : 4);
  return run.end() && is_right ? 0 : 1;
}
