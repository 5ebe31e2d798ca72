#pragma once

#include <cstddef>
#include <cstdint>

#include "base/error.h"

namespace gradus::policy::jinja {

/// Bounds on one rendering. A template that needs more is at fault, not the messages: a chat of a
/// million tokens is about 5 MB of text, written once and cut up a few times.
struct Budget {
  int64_t steps = 10'000'000;           ///< evaluated nodes, items walked over, bytes / 16
  int64_t output_bytes = 8LL << 20;     ///< of text written
  int64_t working_bytes = 128LL << 20;  ///< of values made on the way, all together
  int macro_depth = 40;
};

/// What one rendering has spent. Whatever walks over values, compares, prints or copies them pays
/// here while it works, so that values which share their parts (a list that holds one list twice,
/// a hundred times over) cost what reading them costs.
class Meter {
 public:
  explicit Meter(const Budget& budget) : budget_(budget) {}

  const Budget& budget() const { return budget_; }

  /// Work: nodes or items.
  /// @throws gradus::Error  the budget is spent.
  void step(size_t count = 1) {
    steps_ += static_cast<int64_t>(count);
    if (steps_ > budget_.steps)
      throw Error("the template does not come to an end (its budget of steps is spent)");
  }
  /// Work on bytes that are there already: compared, searched, looked through.
  void read(size_t bytes) { step(bytes / 16 + 1); }
  /// Bytes that are made: work and memory.
  void charge(size_t bytes) {
    if (bytes > static_cast<size_t>(budget_.working_bytes - working_))
      throw Error("the template's memory budget is spent");
    working_ += static_cast<int64_t>(bytes);
    read(bytes);
  }

 private:
  Budget budget_;
  int64_t steps_ = 0;
  int64_t working_ = 0;
};

}  // namespace gradus::policy::jinja
