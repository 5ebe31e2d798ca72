#include "base/parallel.h"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <ctime>
#include <new>
#include <thread>
#include <vector>

#include "base/error.h"
#include "tests/catch.h"

using gradus::ThreadTeam;

namespace {

/// Tasks that each wait until another member has come, so that none can do them alone.
void meet(ThreadTeam& team, std::chrono::seconds patience) {
  std::atomic<int> here{0};
  std::atomic<bool> met{true};
  team.run(team.size(), [&](ThreadTeam::Tasks& tasks) {
    for (int64_t task; tasks.next(task);) {
      ++here;
      const auto end = std::chrono::steady_clock::now() + patience;
      while (here < team.size() && met) met = std::chrono::steady_clock::now() < end;
    }
  });
  CHECK(met);
}

std::atomic<bool> held{false};
std::atomic<bool> release{false};

/// Keeps the thread that gets this signal from going on, as a busy machine would.
void hold(int) {
  held = true;
  while (!release) {
    const timespec moment{0, 1'000'000};
    nanosleep(&moment, nullptr);
  }
}

}  // namespace

TEST_CASE("each task of a call is done once, whoever comes", "[base][parallel]") {
  for (int size : {1, 2, 5}) {
    ThreadTeam team(size);
    for (int64_t count : {0, 1, 2, 37}) {
      for (int round = 1; round <= 500; ++round) {
        std::vector<std::atomic<int>> done(static_cast<size_t>(count));
        std::atomic<bool> is_member{true};
        team.run(count, [&](ThreadTeam::Tasks& tasks) {
          if (tasks.member() < 0 || tasks.member() >= size) is_member = false;
          for (int64_t task; tasks.next(task);) ++done[static_cast<size_t>(task)];
        });
        REQUIRE(is_member);
        for (const auto& times : done) REQUIRE(times == 1);
      }
    }
  }
}

TEST_CASE("all members help, also after they slept", "[base][parallel]") {
  ThreadTeam team(3);
  for (int round = 0; round < 5; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    meet(team, std::chrono::seconds(60));
  }
}

TEST_CASE("a member that another program keeps from its core is passed over", "[base][parallel]") {
  ThreadTeam team(2);
  std::atomic<pthread_t> other{};
  std::atomic<bool> known{false};
  team.run(2, [&](ThreadTeam::Tasks& tasks) {
    for (int64_t task; tasks.next(task);) {
      if (tasks.member() == 1) {
        other = pthread_self();
        known = true;
      }
      while (!known) std::this_thread::yield();
    }
  });
  struct sigaction action {};
  action.sa_handler = hold;
  struct sigaction before {};
  sigaction(SIGUSR2, &action, &before);
  pthread_kill(other, SIGUSR2);
  while (!held) std::this_thread::yield();

  int64_t done = 0;  // by the caller alone
  for (int round = 0; round < 100; ++round) {
    team.run(10, [&](ThreadTeam::Tasks& tasks) {
      for (int64_t task; tasks.next(task);) ++done;
    });
  }
  CHECK(done == 1000);
  release = true;
  meet(team, std::chrono::seconds(60));
  sigaction(SIGUSR2, &before, nullptr);
}

TEST_CASE("a task that fails is an error of the call, and the team goes on", "[base][parallel]") {
  for (int size : {1, 3}) {
    ThreadTeam team(size);
    for (int64_t bad : {0, 1, 7}) {
      const auto work = [&](ThreadTeam::Tasks& tasks) {
        for (int64_t task; tasks.next(task);)
          if (task == bad) throw std::bad_alloc();
      };
      CHECK_THROWS_AS(team.run(8, work), std::bad_alloc);
      CHECK_THROWS_AS(team.for_range(8, 1, [](int64_t, int64_t) { throw gradus::Error("no"); }),
                      gradus::Error);
      CHECK_NOTHROW(team.run(bad, work));
    }
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
        team.run(2, [&](ThreadTeam::Tasks& tasks) {
          for (int64_t task; tasks.next(task);) ++total;
        });
      }
    });
  }
  for (auto& owner : owners) owner.join();
  CHECK(total == 300);
}

TEST_CASE("a team without members is refused", "[base][parallel]") {
  CHECK_THROWS_AS(ThreadTeam(0), gradus::ArgumentError);
}
