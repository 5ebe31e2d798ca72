#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "service/grammar/grammar.h"

namespace gradus::service {

/// Follows a text byte by byte through a grammar, in all ways at once: a pushdown automaton whose
/// stacks share their tails. One thread at a time.
///
/// A state is a set of stacks; every one of them can still become a whole text, because a grammar
/// without what cannot be spelled has no dead ends (Grammar::restrict_to).
class Matcher {
 public:
  using State = std::vector<int32_t>;  ///< stacks, ascending; kDone: a whole text
  static constexpr int32_t kDone = 0;

  /// @param grammar  outlives the matcher.
  explicit Matcher(const Grammar& grammar);

  const State& start() const { return start_; }
  /// The state behind one more byte; empty: no text begins so.
  State advance(const State& state, unsigned char byte);
  static bool is_whole(const State& state) { return !state.empty() && state.front() == kDone; }
  /// The bytes that may follow.
  ByteSet next_bytes(const State& state) const;

 private:
  struct Place {
    uint32_t rule = 0;
    uint32_t alternative = 0;
    uint32_t symbol = 0;
    auto operator<=>(const Place&) const = default;
  };
  struct Stack {
    Place place;       ///< of a byte set that is to be read next
    int32_t rest = 0;  ///< where it goes on afterwards; kDone: nowhere
  };

  int32_t stack_of(Place place, int32_t rest);
  /// Adds the stacks that begin at `place`, whose rule goes on at `rest` when it ends.
  void expand(Place place, int32_t rest, State& out, std::vector<std::pair<Place, int32_t>>& open);
  const State& step(int32_t stack, unsigned char byte);

  const Grammar& grammar_;
  std::vector<Stack> stacks_;
  std::map<std::pair<Place, int32_t>, int32_t> known_;
  std::unordered_map<int64_t, State> steps_;
  State start_;
};

}  // namespace gradus::service
