#include "base/thread_start.h"

#include <new>
#include <system_error>

#include "base/error.h"

namespace gradus {

void start_threads(const std::string& who, int wanted, const std::function<void()>& start,
                   const std::function<int()>& give_up) {
  const auto refuse = [&](const std::string& why) {
    const int started = give_up();
    throw Error(who + ": the system gave " + std::to_string(started) + " of " +
                std::to_string(wanted) + " threads (" + why + "); ask for fewer");
  };
  try {
    start();
  } catch (const std::system_error& error) {
    refuse(error.what());
  } catch (const std::bad_alloc&) {
    refuse("no memory for another one");
  }
}

}  // namespace gradus
