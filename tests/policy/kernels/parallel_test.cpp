#include "base/parallel.h"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/catch.h"

using gradus::ThreadTeam;

TEST_CASE("every member runs once in each call, and the caller is member 0", "[base][parallel]") {
  for (int size : {1, 2, 5}) {
    ThreadTeam team(size);
    std::vector<int> calls(static_cast<size_t>(size));
    std::thread::id first;
    for (int round = 1; round <= 2000; ++round) {
      team.run([&](int member) {
        ++calls[static_cast<size_t>(member)];
        if (member == 0) first = std::this_thread::get_id();
      });
      for (int count : calls) REQUIRE(count == round);
    }
    CHECK(first == std::this_thread::get_id());
  }
}

TEST_CASE("a team that slept wakes up", "[base][parallel]") {
  ThreadTeam team(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    std::atomic<int> calls{0};
    team.run([&](int member) {
      if (member == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2));
      ++calls;
    });
    CHECK(calls == 3);
  }
}

TEST_CASE("ranges are covered once, without gaps", "[base][parallel]") {
  ThreadTeam team(4);
  for (int64_t count : {0, 1, 3, 4, 5, 1000}) {
    for (int64_t grain : {0, 1, 7, 5000}) {
      std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
      team.for_range(count, grain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
      });
      for (const auto& times : seen) CHECK(times == 1);
    }
  }
}

TEST_CASE("teams are made and ended in a row, and several run at once", "[base][parallel]") {
  std::vector<std::thread> owners;
  std::atomic<int> total{0};
  for (int i = 0; i < 3; ++i) {
    owners.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        ThreadTeam team(2);
        team.run([&](int) { ++total; });
      }
    });
  }
  for (auto& owner : owners) owner.join();
  CHECK(total == 300);
}

TEST_CASE("a team without members is refused", "[base][parallel]") {
  CHECK_THROWS_AS(ThreadTeam(0), gradus::ArgumentError);
}
