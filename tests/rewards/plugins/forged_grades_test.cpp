// Programs of the model that a grader starts look for the grader's nonce and descriptors.

#include <filesystem>

#include "rewards/reward_rule.h"
#include "tests/catch.h"
#include "tests/rewards/plugins/plugin_files.h"

using namespace gradus::rewards;
using nlohmann::json;

namespace {

const char* const kGrader = R"py(
import subprocess, sys
def grade(sample, item):
    p = subprocess.run([sys.executable, "-c", sample["output_text"]], capture_output=True, timeout=8)
    return 1.0 if p.stdout.strip() == b"42" else 0.25 if p.stdout.strip() == b"refused" else 0.0
def reward(prompts, completions, **kwargs):
    return [grade({"output_text": c}, None) for c in completions]
)py";

// A command in shell that runs the completion; its nonce and descriptor 3 are in its parent.
const char* const kCommand = R"sh(
while IFS= read -r line; do
  nonce=$(printf '%s' "$line" | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["nonce"])')
  code=$(printf '%s' "$line" | /usr/bin/python3 -c 'import json,sys; print(json.load(sys.stdin)["completion"])')
  said=$(/usr/bin/python3 -c "$code" 3>&-)
  score=0; [ "$said" = refused ] && score=0.25; [ "$said" = 42 ] && score=1
  printf '{"nonce": "%s", "score": %s}\n' "$nonce" "$score" >&3
done
)sh";

// Looks through every other process, reads what it can, and writes where it can.
const char* const kForger = R"py(
import os, re
found = []
for pid in os.listdir("/proc"):
    if not pid.isdigit() or int(pid) == os.getpid(): continue
    for name in ("mem", "environ", "maps", "fd", "auxv", "cwd/.", "root/.", "map_files"):
        path = f"/proc/{pid}/{name}"
        try:
            if name == "fd":
                for fd in os.listdir(path): os.close(os.open(f"{path}/{fd}", os.O_WRONLY | os.O_NONBLOCK))
            elif os.path.isdir(path): os.listdir(path)
            elif name == "mem": open(path, "r+b", 0)
            else: open(path, "rb").read(1)
            found.append(path)
        except OSError: pass
for fd in range(3, 64):
    try: os.write(fd, b"x"); found.append(fd)
    except OSError: pass
print(found or "refused")
)py";

}  // namespace

TEST_CASE("a program that a grader starts sees nothing of the grader", "[rewards][plugins]") {
  const PluginFolder folder;
  const std::string file = folder.add("grader.py", kGrader);
  for (const char* function : {"grade", "reward"}) {
    CAPTURE(function);
    const auto rule = make_rule("python", {{"file", file + ":" + function}});
    const auto grades = grades_of(*rule, {kForger, "print(42)", "print(41)"});
    CHECK(grades[0].value == 0.25);
    CHECK(grades[1].value == 1.0);
    CHECK(grades[2].value == 0.0);
  }
}

TEST_CASE("a program that a command starts sees nothing of the command", "[rewards][plugins]") {
  if (!std::filesystem::exists("/usr/bin/python3")) return;
  const PluginFolder folder;
  const auto rule = make_rule("command", {{"command", {"bash", folder.add("c.sh", kCommand)}}});
  const auto grades = grades_of(*rule, {kForger, "print(42)", "print(41)"});
  INFO(grades[0].reason);
  CHECK(grades[0].value == 0.25);
  CHECK(grades[1].value == 1.0);
  CHECK(grades[2].value == 0.0);
}

TEST_CASE("what a worker starts inherits no channel", "[rewards][plugins]") {
  const PluginFolder folder;
  const std::string file = folder.add("system.py", R"py(
import os, subprocess
def reward(prompts, completions, **kwargs):
    probe = "ls -l /proc/self/fd; echo '{}' >&3 && echo WRITTEN; env | grep LD_PRELOAD"
    text = subprocess.run(["sh", "-c", probe], close_fds=False, capture_output=True, text=True).stdout
    return [0.0 if "WRITTEN" in text or "PRELOAD" in text else 1.0 for _ in completions]
)py");
  const auto rule = make_rule("python", {{"file", file + ":reward"}});
  CHECK(grades_of(*rule, {"x"})[0].value == 1.0);
}
