#include "rewards/sandbox/sandbox.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/sha256.h"
#include "rewards/sandbox/seccomp_filter.h"
#include "tests/catch.h"
#include "tests/support/patience.h"
#include "tests/support/skip.h"

using namespace gradus;
using namespace gradus::rewards::sandbox;
namespace fs = std::filesystem;

namespace {

SandboxConfig shell(const std::string& script) {
  SandboxConfig config;
  config.command = {"/bin/sh", "-c", script};
  config.environment = {{"PATH", "/usr/bin:/bin"}, {"HOME", "/tmp"}};
  config.limits.memory_bytes = uint64_t{512} << 20;
  return config;
}

struct Run {
  bool has_ended = false;
  Ending ending;
  std::string output;
  std::string errors;
  std::string collected;
};

Run run(const Sandbox& sandbox, const SandboxConfig& config, double timeout_s = 20.0) {
  const auto process = sandbox.start(config);
  Run run;
  run.has_ended = process->wait_end(deadline_in(timeout_s));
  process->kill();
  run.ending = process->ending();
  run.output = process->output();
  run.errors = process->error_output();
  run.collected = process->collected();
  return run;
}

/// A machine that gives no namespaces has nothing here to be tested.
const Sandbox* full_sandbox() {
  static const SandboxProbe probe = probe_sandbox();
  if (probe.rung != Rung::namespaces) {
    tests::skip(probe.description());
    return nullptr;
  }
  static const Sandbox sandbox;
  return &sandbox;
}

}  // namespace

TEST_CASE("SHA-256 gives the digests of the standard", "[base][sha256]") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a program runs in the sandbox and its end is told", "[rewards][sandbox]") {
  const Sandbox* sandbox = full_sandbox();
  if (sandbox == nullptr) return;
  const Run fine = run(*sandbox, shell("echo out; echo err >&2; exit 3"));
  CHECK(fine.has_ended);
  CHECK(fine.ending.kind == Ending::Kind::exited);
  CHECK(fine.ending.code == 3);
  CHECK(fine.output == "out\n");
  CHECK(fine.errors == "err\n");
  CHECK(run(*sandbox, shell("kill -SEGV $$")).ending.description() ==
        "was killed by signal 11 (Segmentation fault)");
  SandboxConfig absent = shell("");
  absent.command = {"/no/such/program"};
  CHECK(run(*sandbox, absent).ending.description() ==
        "could not be started: start /no/such/program: No such file or directory");
}

TEST_CASE("the sandbox has no privileges, no network and no other processes",
          "[rewards][sandbox]") {
  const Sandbox* sandbox = full_sandbox();
  if (sandbox == nullptr) return;
  const Run status =
      run(*sandbox, shell("grep -E 'CapEff|CapBnd|NoNew|Seccomp:' /proc/self/status"));
  CHECK(status.output ==
        "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n");
  CHECK(run(*sandbox, shell("ls -d /proc/[0-9]* | wc -l")).output.size() < 4);
  CHECK(run(*sandbox, shell("cat /proc/1/environ || echo denied")).output == "denied\n");
  CHECK(run(*sandbox, shell("kill -9 1; echo alive")).output == "alive\n");
  CHECK(run(*sandbox, shell("mount -t tmpfs x /tmp || unshare -U true || echo denied")).output ==
        "denied\n");
  CHECK(run(*sandbox, shell("touch /usr/x /etc/x /x /dev/x 2>/dev/null || echo denied")).output ==
        "denied\n");
  CHECK(run(*sandbox, shell("env | grep -v PWD | sort")).output ==
        "HOME=/tmp\nPATH=/usr/bin:/bin\n");
}

TEST_CASE("the sandbox shows what it is told to and nothing else", "[rewards][sandbox]") {
  const Sandbox* sandbox = full_sandbox();
  if (sandbox == nullptr) return;
  std::string name = (fs::temp_directory_path() / "gradus-view-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  std::ofstream(folder / "shown") << "seen";
  fs::create_directory(folder / "inner");
  std::ofstream(folder / "inner" / "hidden") << "secret";
  SandboxConfig config = shell("cat " + (folder / "shown").string() + "; cat " +
                               (folder / "inner/hidden").string() + " || echo ' denied'; ls /");
  config.readable = {(folder / "shown").string()};
  const Run seen = run(*sandbox, config);
  CHECK_THAT(seen.output, Catch::StartsWith("seen denied\n"));
  CHECK_THAT(seen.output, !Catch::Contains("root") && !Catch::Contains("home"));
  fs::remove_all(folder);
}

TEST_CASE("files go in and one comes out", "[rewards][sandbox]") {
  const Sandbox* sandbox = full_sandbox();
  if (sandbox == nullptr) return;
  SandboxConfig config = shell("cat given - > result; echo x >> given || true");
  config.files = {{"/tmp/given", "from us\n", 0444}};
  config.input = Input::text;
  config.input_text = std::string(200'000, 'i');
  config.collect = "/tmp/result";
  const Run made = run(*sandbox, config);
  CHECK(made.collected == "from us\n" + std::string(200'000, 'i'));
  config.command[2] = "ln -s /etc/passwd result";
  CHECK(run(*sandbox, config).collected.empty());
}

TEST_CASE("lines are answered, and a hanging program is killed with its children",
          "[rewards][sandbox]") {
  const Sandbox* sandbox = full_sandbox();
  if (sandbox == nullptr) return;
  SandboxConfig config = shell("while read -r l; do echo \"<$l>\" >&3; done");
  config.input = Input::requests;
  auto process = sandbox->start(config);
  std::string line;
  for (const std::string text : {"one", "two"}) {
    process->send(text + "\n");
    REQUIRE(process->wait_line(line, deadline_in(20)) == SandboxedProcess::Event::line);
    CHECK(line == "<" + text + ">");
  }
  CHECK(process->wait_line(line, deadline_in(0.05)) == SandboxedProcess::Event::timed_out);
  process->kill();
  CHECK_FALSE(process->is_running());

  process =
      sandbox->start(shell("trap '' TERM; setsid sh -c 'trap \"\" TERM; sleep 1000' & sleep 1000"));
  CHECK_FALSE(process->wait_end(deadline_in(0.2)));
  process->kill();
  CHECK_FALSE(process->is_running());
  CHECK(process->ending().kind == Ending::Kind::killed);
}

TEST_CASE("floods are cut and do not stop the program", "[rewards][sandbox]") {
  const Sandbox* sandbox = full_sandbox();
  if (sandbox == nullptr) return;
  const Run flood = run(*sandbox, shell("head -c 5000000 /dev/zero; head -c 5000000 /dev/zero >&2; "
                                        "echo end >&2"));
  CHECK(flood.has_ended);
  CHECK(flood.output.size() == 65536);
  CHECK(flood.errors.size() == 65536);
  CHECK_THAT(flood.errors, Catch::EndsWith("end\n"));
}

TEST_CASE("the scratch folder and CPU time are limited", "[rewards][sandbox]") {
  const Sandbox* sandbox = full_sandbox();
  if (sandbox == nullptr) return;
  SandboxConfig config = shell("head -c 9000000 /dev/zero > a || stat -c %s a");
  config.limits.scratch_bytes = 1 << 20;
  CHECK(run(*sandbox, config).output == "1048576\n");
  config = shell("while :; do :; done");
  config.limits.cpu_s = 1;
  const Run busy = run(*sandbox, config, 60.0);
  CHECK(busy.ending.kind == Ending::Kind::signalled);
  CHECK(busy.ending.code == SIGXCPU);
}

TEST_CASE("without namespaces files, signals and sockets are still kept away",
          "[rewards][sandbox]") {
  const Sandbox sandbox(Isolation::weak, Rung::landlock);
  if (sandbox.rung() != Rung::landlock) {
    tests::skip(sandbox.probe().description());
    return;
  }
  std::string name = (fs::temp_directory_path() / "gradus-weak-XXXXXX").string();
  const fs::path folder = ::mkdtemp(name.data());
  std::ofstream(folder / "secret") << "secret";
  fs::permissions(folder, fs::perms::all);
  const std::string secret = (folder / "secret").string();
  CHECK(run(sandbox, shell("cat " + secret + " || echo denied")).output == "denied\n");
  CHECK(run(sandbox, shell("echo x > " + secret + " || echo denied")).output == "denied\n");
  CHECK(run(sandbox, shell("echo made > here; cat here; pwd; echo $HOME")).output.find("made\n") ==
        0);
  CHECK(run(sandbox, shell("kill -0 " + std::to_string(::getpid()) + " || echo denied")).output ==
        "denied\n");
  CHECK(run(sandbox, shell("grep -E 'CapEff|NoNew|Seccomp:' /proc/self/status || echo no /proc"))
            .output != "");
  SandboxConfig config = shell("cat given");
  config.files = {{"/tmp/given", "from us", 0444}};
  CHECK(run(sandbox, config).output == "from us");
  auto process =
      sandbox.start(shell("setsid sleep 1000 & setsid sh -c 'sleep 1000 & wait' & wait"));
  const bool has_ended = process->wait_end(deadline_in(0.2));
  CAPTURE(process->ending().description(), process->output(), process->error_output());
  CHECK_FALSE(has_ended);
  const auto begin = std::chrono::steady_clock::now();
  process->kill();
  CHECK(std::chrono::steady_clock::now() - begin < gradus::tests::patience(1));
  CHECK_FALSE(process->is_running());
  fs::remove_all(folder);
}

TEST_CASE("trying the weaker walls leaves the machine's own /tmp alone", "[rewards][sandbox]") {
  struct stat before {};
  struct stat after {};
  REQUIRE(::stat("/tmp", &before) == 0);
  for (const Rung rung : {Rung::landlock, Rung::limits}) probe_sandbox(rung);
  REQUIRE(::stat("/tmp", &after) == 0);
  CHECK(before.st_uid == after.st_uid);
  CHECK(before.st_mode == after.st_mode);
}

TEST_CASE("with limits alone a program runs and ends", "[rewards][sandbox]") {
  const Sandbox sandbox(Isolation::weak, Rung::limits);
  CHECK(sandbox.rung() == Rung::limits);
  const Run fine = run(sandbox, shell("echo out; ulimit -c; exit 2"));
  CHECK(fine.output == "out\n0\n");
  CHECK(fine.ending.code == 2);
  CHECK_THROWS_WITH(Sandbox(Isolation::full, Rung::limits),
                    Catch::Contains("cannot isolate reward code fully"));
}

TEST_CASE("a delegated control group is found and used", "[rewards][sandbox]") {
  std::string name = (fs::temp_directory_path() / "gradus-cgroup-XXXXXX").string();
  const fs::path mount = ::mkdtemp(name.data());
  fs::create_directories(mount / "a/b");
  CHECK(ControlGroup::find_parent(mount, "4:cpu:/x\n0::/a/b\n").is_empty());
  std::ofstream(mount / "a/cgroup.subtree_control") << "cpu memory pids\n";
  CHECK(ControlGroup::find_parent(mount, "0::/a/b\n").memory == mount / "a");
  CHECK(ControlGroup::find_parent(mount, "4:cpu:/a/b\n").is_empty());
  {
    const auto group = ControlGroup::make({mount / "a", mount / "a", 2}, 1000, 5);
    REQUIRE(group != nullptr);
    CHECK(group->add(42));
    fs::path made;
    for (const auto& entry : fs::directory_iterator(mount / "a")) {
      if (entry.path().filename().string().rfind("gradus-sandbox-", 0) == 0) made = entry.path();
    }
    std::string text;
    std::ifstream(made / "pids.max") >> text;
    CHECK(text == "8");
    CHECK_FALSE(group->ran_out_of_memory());
    std::ofstream(made / "memory.events") << "low 0\noom 1\noom_kill 2\n";
    CHECK(group->ran_out_of_memory());
  }
  fs::remove_all(mount);
}

TEST_CASE("control groups of version 1 hold memory and processes in two places",
          "[rewards][sandbox]") {
  std::string name = (fs::temp_directory_path() / "gradus-cgroup-XXXXXX").string();
  const fs::path mount = ::mkdtemp(name.data());
  fs::create_directories(mount / "memory/x");
  fs::create_directories(mount / "pids");
  const std::string membership = "8:pids:/\n4:memory:/x\n1:cpu:/\n0::/\n";
  CHECK(ControlGroup::find_parent(mount, membership).is_empty());
  std::ofstream(mount / "memory/x/memory.limit_in_bytes") << "9223372036854771712\n";
  std::ofstream(mount / "pids/cgroup.procs") << "";
  const GroupPlace place = ControlGroup::find_parent(mount, membership);
  CHECK(place.version == 1);
  CHECK(place.memory == mount / "memory/x");
  {
    const auto group = ControlGroup::make(place, 1000, 5);
    REQUIRE(group != nullptr);
    CHECK(group->add(42));
    fs::path made;
    for (const auto& entry : fs::directory_iterator(mount / "memory/x")) {
      if (entry.is_directory()) made = entry.path();
    }
    std::string limit;
    std::ifstream(made / "memory.limit_in_bytes") >> limit;
    CHECK(limit == "1000");
    std::string most;
    std::ifstream(mount / "pids" / made.filename() / "pids.max") >> most;
    CHECK(most == "8");
    std::ofstream(made / "memory.oom_control") << "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n";
    CHECK(group->ran_out_of_memory());
  }
  fs::remove_all(mount);
}

TEST_CASE("a weaker wall is refused unless it is allowed", "[rewards][sandbox]") {
  const SandboxProbe probe = probe_sandbox();
  CHECK(probe.is_available);
  CHECK_FALSE(probe.description().empty());
  if (probe.rung == Rung::namespaces) {
    CHECK_NOTHROW(Sandbox(Isolation::full));
  } else {
    CHECK_THROWS_WITH(Sandbox(Isolation::full),
                      Catch::Contains("cannot isolate reward code fully"));
  }
  CHECK_NOTHROW(Sandbox(Isolation::weak));
}

TEST_CASE("the filter of system calls is small and differs with the network",
          "[rewards][sandbox]") {
  const std::string local = make_seccomp_filter(false);
  CHECK(local.size() % 8 == 0);
  CHECK(local.size() < 4096 * 8);
  CHECK(local != make_seccomp_filter(true));
}
