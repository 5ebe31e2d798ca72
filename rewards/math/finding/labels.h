#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {

/// One part of an answer in parts: "b" and "5" of "(a) 3, (b) 5".
struct LabelledPart {
  std::string label;
  std::string value;
};

/// The parts of a text that begins with a label and has two or more, each another; else none.
std::vector<LabelledPart> labelled_parts(std::string_view text);

/// The label right before a box: "b" of "(b) $\boxed{5}$" and of "Part (b): \boxed{5}"; empty:
/// none.
std::string label_before(std::string_view text, size_t box_begin);

/// Whether two neighbouring boxes are labelled parts of one answer.
bool are_labelled_parts(std::string_view text, const Span& one, const Span& next);

}  // namespace gradus::rewards::math
