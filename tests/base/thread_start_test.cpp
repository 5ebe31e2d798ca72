#include <new>
#include <stdexcept>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/thread_start.h"
#include "tests/catch.h"

using namespace gradus;

TEST_CASE("a thread that cannot be started is an error that says how many there were",
          "[base][parallel]") {
  bool has_given_up = false;
  CHECK_THROWS_WITH(start_threads(
                        "pool", 4, [] { throw std::bad_alloc(); },
                        [&] {
                          has_given_up = true;
                          return 2;
                        }),
                    "pool: the system gave 2 of 4 threads (no memory for another one); ask for "
                    "fewer");
  CHECK(has_given_up);
}

TEST_CASE("running out of memory is one sentence, without a call stack", "[base][failure]") {
  const std::runtime_error torch(
      "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: "
      "you tried to allocate 1234 bytes. Error code 12 (Cannot allocate memory)\n"
      "frame #0: c10::ThrowEnforceNotMet(char const*) (0x7f in libc10.so)\nframe #1: main\n");
  CHECK(is_out_of_memory(torch));
  CHECK(is_out_of_memory(std::bad_alloc()));
  CHECK_THAT(failure_text(torch), Catch::StartsWith("out of memory; lower rl.microbatch_tokens"));
  CHECK(failure_text(torch).find("frame #") == std::string::npos);
  CHECK(failure_text(std::runtime_error("a shape is wrong\nException raised from x at y\n")) ==
        "a shape is wrong");
  // Our own errors say where and what.
  const FileError own("weights", "open_failed", "cannot be mapped: Cannot allocate memory");
  CHECK(failure_text(own) == "weights: cannot be mapped: Cannot allocate memory");
}
