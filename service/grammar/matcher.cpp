#include "service/grammar/matcher.h"

#include <algorithm>

namespace gradus::service {
namespace {

/// Stacks and steps that are remembered at most; a form that needs more is not held to.
constexpr size_t kMaxStacks = 2000000;

}  // namespace

Matcher::Matcher(const Grammar& grammar) : grammar_(grammar) {
  stacks_.push_back({});  // kDone
  std::vector<std::pair<Place, int32_t>> open;
  for (uint32_t i = 0; i < grammar_.rules()[0].size(); ++i) expand({0, i, 0}, kDone, start_, open);
  std::ranges::sort(start_);
  start_.erase(std::unique(start_.begin(), start_.end()), start_.end());
}

int32_t Matcher::stack_of(Place place, int32_t rest) {
  const auto [known, is_new] =
      known_.emplace(std::make_pair(place, rest), static_cast<int32_t>(stacks_.size()));
  if (is_new) {
    if (stacks_.size() > kMaxStacks) throw GrammarError("the answer nests too deeply");
    stacks_.push_back({place, rest});
  }
  return known->second;
}

void Matcher::expand(Place place, int32_t rest, State& out,
                     std::vector<std::pair<Place, int32_t>>& open) {
  const auto& sequence = grammar_.rules()[place.rule][place.alternative];
  if (place.symbol == sequence.size()) {
    if (rest == kDone) {
      out.push_back(kDone);
    } else {
      const Stack next = stacks_[static_cast<size_t>(rest)];
      expand(next.place, next.rest, out, open);
    }
    return;
  }
  const auto symbol = sequence[place.symbol];
  if (!symbol.is_rule) {
    out.push_back(stack_of(place, rest));
    return;
  }
  // A rule that leads to itself without a byte adds nothing the second time.
  const std::pair<Place, int32_t> here{place, rest};
  if (std::ranges::find(open, here) != open.end()) return;
  open.push_back(here);
  // What ends its rule with this symbol needs no place to come back to.
  const bool is_last = place.symbol + 1 == sequence.size();
  const int32_t back =
      is_last ? rest : stack_of({place.rule, place.alternative, place.symbol + 1}, rest);
  for (uint32_t i = 0; i < grammar_.rules()[symbol.index].size(); ++i)
    expand({symbol.index, i, 0}, back, out, open);
  open.pop_back();
}

const Matcher::State& Matcher::step(int32_t stack, unsigned char byte) {
  const int64_t key = (int64_t{stack} << 8) | byte;
  const auto known = steps_.find(key);
  if (known != steps_.end()) return known->second;
  State next;
  const Stack top = stacks_[static_cast<size_t>(stack)];
  const auto& sequence = grammar_.rules()[top.place.rule][top.place.alternative];
  if (grammar_.sets()[sequence[top.place.symbol].index].test(byte)) {
    std::vector<std::pair<Place, int32_t>> open;
    expand({top.place.rule, top.place.alternative, top.place.symbol + 1}, top.rest, next, open);
    std::ranges::sort(next);
    next.erase(std::unique(next.begin(), next.end()), next.end());
  }
  if (steps_.size() > kMaxStacks) steps_.clear();
  return steps_.emplace(key, std::move(next)).first->second;
}

Matcher::State Matcher::advance(const State& state, unsigned char byte) {
  State next;
  for (const int32_t stack : state) {
    if (stack == kDone) continue;
    const State& more = step(stack, byte);
    next.insert(next.end(), more.begin(), more.end());
  }
  if (state.size() > 1) {
    std::ranges::sort(next);
    next.erase(std::unique(next.begin(), next.end()), next.end());
  }
  return next;
}

ByteSet Matcher::next_bytes(const State& state) const {
  ByteSet bytes;
  for (const int32_t stack : state) {
    if (stack == kDone) continue;
    const Place& place = stacks_[static_cast<size_t>(stack)].place;
    bytes |= grammar_.sets()[grammar_.rules()[place.rule][place.alternative][place.symbol].index];
  }
  return bytes;
}

}  // namespace gradus::service
