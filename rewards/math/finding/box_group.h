#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

/// The last boxes of a text that belong together, as one answer: "\boxed{1} and \boxed{2}", and
/// labelled parts on lines of their own ("(a) 3, (b) 5").
struct BoxGroup {
  std::string text;       // empty: no box, or the last one is empty or cut off
  size_t end = 0;         // byte behind the last
  bool is_there = false;  // there is a box with something in it
};

BoxGroup last_box_group(std::string_view text);

}  // namespace gradus::rewards::math
