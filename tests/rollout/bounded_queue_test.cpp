#include "rollout/bounded_queue.h"

#include <chrono>
#include <thread>

#include "tests/catch.h"

using gradus::rollout::BoundedQueue;

TEST_CASE("a full queue makes the producer wait, and order is kept", "[rollout][queue]") {
  BoundedQueue<int> queue(2);
  std::jthread producer([&] {
    for (int i = 0; i < 100; ++i) queue.push(i);
    queue.close();
  });
  for (int i = 0; i < 100; ++i) REQUIRE(queue.pop() == i);
  CHECK_FALSE(queue.pop().has_value());
}

TEST_CASE("stopping wakes those who wait on either side", "[rollout][queue]") {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  REQUIRE(full.push(1));
  std::stop_source stop;
  bool popped = true;
  bool pushed = true;
  std::jthread consumer([&] { popped = empty.pop(stop.get_token()).has_value(); });
  std::jthread producer([&] { pushed = full.push(2, stop.get_token()); });
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  stop.request_stop();
  consumer.join();
  producer.join();
  CHECK_FALSE(popped);
  CHECK_FALSE(pushed);
}

TEST_CASE("a closed queue takes nothing and gives what it has", "[rollout][queue]") {
  BoundedQueue<int> queue(4);
  REQUIRE(queue.push(7));
  queue.close();
  CHECK_FALSE(queue.push(8));
  CHECK(queue.pop() == 7);
  CHECK_FALSE(queue.try_pop().has_value());
}
