#include <algorithm>

#include "rewards/math/finding/anchors.h"
#include "rewards/math/finding/extract.h"
#include "rewards/math/finding/phrases.h"
#include "rewards/math/finding/stance.h"

namespace gradus::rewards::math {

std::string_view announced_statement(std::string_view text) {
  const std::vector<Anchor> anchors = find_anchors(text);
  if (anchors.empty() || anchors[0].weight > 1 || is_called_wrong(text, anchors[0].begin)) {
    return {};
  }
  const std::string_view segment = segment_behind(text, anchors[0].end);
  const auto end = static_cast<size_t>(segment.data() + segment.size() - text.data());
  if (sequel_in(text.substr(end)).kind != Sequel::Kind::none) return {};
  return segment.substr(0, std::min(segment.find(" because"), segment.find(" since")));
}

std::string_view announced_text(std::string_view text) {
  const std::vector<Anchor> anchors = find_anchors(text);
  if (anchors.empty() || anchors[0].weight > 1 || is_called_wrong(text, anchors[0].begin)) {
    return {};
  }
  return text.substr(anchors[0].end);
}

}  // namespace gradus::rewards::math
