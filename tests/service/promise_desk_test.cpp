#include "service/tinker/promise_desk.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "service/training/messages.h"
#include "tests/catch.h"
#include "tests/service/tinker_client.h"

using namespace gradus::service;

TEST_CASE("who waits for a promise is told once", "[service][tinker]") {
  PromiseDesk desk(60.0);
  std::atomic<int> told = 0;
  std::atomic<int> others = 0;
  desk.wait("a", [&] { ++told; });
  desk.wait("a", [&] { ++told; });
  const auto left = desk.wait("a", [&] { ++others; });
  desk.wait("b", [&] { ++others; });
  CHECK(desk.forget(left));
  CHECK_FALSE(desk.forget(left));
  desk.wake("a");
  desk.wake("a");
  CHECK(told == 2);
  CHECK(others == 0);
  desk.stop();
  CHECK(others == 1);
  desk.wait("c", [&] { ++others; });
  CHECK(others == 2);
}

TEST_CASE("who waits too long is told to try again", "[service][tinker]") {
  PromiseDesk desk(0.05);
  std::atomic<int> told = 0;
  for (int i = 0; i < 20; ++i) desk.wait("a", [&] { ++told; });
  for (int i = 0; i < 100 && told < 20; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CHECK(told == 20);
}

TEST_CASE("the same request is known whatever the order of its fields", "[service][tinker]") {
  const std::string body = forward_backward_body("m", 4, {5, 6, 7}, 1.0F, false);
  const std::string other = forward_backward_body("m", 4, {5, 6, 7}, 2.0F, false);
  // The model's name, which is three bytes, at the end.
  const std::string turned = body.substr(3) + body.substr(0, 3);
  CHECK(turned != body);
  CHECK(plain_forward_backward(turned) == plain_forward_backward(body));
  CHECK(plain_forward_backward(other) != plain_forward_backward(body));
}
