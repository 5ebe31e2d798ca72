#include "base/process/process.h"

#include <chrono>

#include "base/error.h"
#include "tests/catch.h"

using namespace gradus;

namespace {

ProcessConfig shell(const std::string& script) {
  return {{"/bin/sh", "-c", script}, {{"PATH", "/usr/bin:/bin"}}};
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

TEST_CASE("a child answers lines on its own channel", "[base][process]") {
  ChildProcess child(shell("while read -r line <&3; do echo \"got $line\" >&3; done"));
  for (const std::string text : {"one", "two"}) {
    const Exchange exchange = child.exchange(text, 20.0);
    REQUIRE(exchange.outcome == ExchangeOutcome::replied);
    CHECK(exchange.reply == "got " + text);
  }
  CHECK(child.is_running());
  child.kill();
  CHECK_FALSE(child.is_running());
  CHECK(child.status_text() == "was killed by signal 9 (Killed)");
}

TEST_CASE("a flood on stdout and stderr does not stop an answer", "[base][process]") {
  auto config = shell(
      "read -r line <&3; head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo last >&2; "
      "echo done >&3; cat <&3");
  config.max_output_bytes = 1000;
  ChildProcess child(config);
  CHECK(child.exchange("go", 20.0).reply == "done");
  child.kill();
  CHECK(child.error_output().size() <= 1000);
}

TEST_CASE("a large line passes both ways without deadlock", "[base][process]") {
  ChildProcess child(shell("exec cat <&3 >&3"));
  const std::string text(3'000'000, 'x');
  CHECK(child.exchange(text, 20.0).reply == text);
}

TEST_CASE(
    "a hanging child that ignores signals is left at the deadline and killed with its children",
    "[base][process]") {
  ChildProcess child(shell("trap '' TERM INT HUP; sleep 100 & sleep 100 & wait; wait; sleep 100"));
  CHECK(seconds_of([&] {
          CHECK(child.exchange("go", 0.2).outcome == ExchangeOutcome::timed_out);
          child.kill();
        }) < 10.0);
  CHECK_FALSE(child.is_running());
}

TEST_CASE("the way a child ended is told", "[base][process]") {
  ChildProcess child(shell("echo sorry >&2; exit 3"));
  CHECK(child.exchange("go", 20.0).outcome == ExchangeOutcome::closed);
  CHECK(child.wait_for_end(2.0));
  child.kill();
  CHECK(child.status_text() == "exited with status 3");
  CHECK(child.error_output() == "sorry\n");
}

TEST_CASE("a reply past the cap and bytes past the line are refused", "[base][process]") {
  auto config = shell("head -c 100000 /dev/zero >&3; cat <&3");
  config.max_reply_bytes = 1000;
  CHECK(ChildProcess(config).exchange("go", 20.0).outcome == ExchangeOutcome::too_long);
  CHECK(ChildProcess(shell("printf 'a\\nb\\n' >&3; cat <&3")).exchange("go", 20.0).outcome ==
        ExchangeOutcome::too_long);
}

TEST_CASE("a child sees only the environment it is given", "[base][process]") {
  auto config = shell(
      "read -r line <&3; env | grep -vc -e ^PATH= -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= >&3; cat "
      "<&3");
  CHECK(ChildProcess(config).exchange("go", 20.0).reply == "0");
}

TEST_CASE("a program that does not exist is an error that names it", "[base][process]") {
  CHECK_THROWS_WITH(ChildProcess({{"/no/such/program"}, {}}),
                    Catch::Contains("/no/such/program: cannot be started"));
}
