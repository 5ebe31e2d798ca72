#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace gradus::rewards::math {

/// Where an answer is announced: the bytes of the phrase and its weight (0: "final answer is",
/// 1: "answer is", "answer:", and their kin in other languages, 2: "answer" alone).
struct Anchor {
  size_t begin = 0;
  size_t end = 0;
  int weight = 2;
};
std::vector<Anchor> find_anchors(std::string_view text);

}  // namespace gradus::rewards::math
