#include "rewards/math/finding/box_group.h"

#include <algorithm>
#include <vector>

#include "rewards/math/finding/labels.h"
#include "rewards/math/finding/phrases.h"
#include "rewards/math/finding/prose_mathematics.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {

BoxGroup last_box_group(std::string_view text) {
  BoxGroup group;
  const std::vector<Span> found = find_boxes(text);
  if (found.empty()) return group;
  const Span& last = found.back();
  group.end = last.end;
  group.is_there = true;
  // An empty last box takes back what was boxed before: the text went on and came to no answer. One
  // that stands alone is but spoken of ("put it into \\boxed{}").
  if (bare(last.inside).empty()) {
    group.is_there = std::any_of(found.begin(), found.end(),
                                 [](const Span& box) { return !bare(box.inside).empty(); });
    return group;
  }
  const bool is_labelled =
      found.size() > 1 && are_labelled_parts(text, found[found.size() - 2], last);
  size_t first = found.size() - 1;
  while (first > 0 && !bare(found[first - 1].inside).empty()) {
    const Span& before = found[first - 1];
    const bool joins =
        is_labelled ? are_labelled_parts(text, before, found[first])
                    : belong_together(text.substr(before.end, found[first].begin - before.end)) &&
                          before.inside != last.inside;
    if (!joins) break;
    --first;
  }
  for (size_t i = first; i < found.size(); ++i) {
    if (is_labelled) {
      group.text += (group.text.empty() ? "" : ", ") + ("(" + label_before(text, found[i].begin)) +
                    ") " + std::string(found[i].inside);
    } else {
      group.text += (group.text.empty() ? "" : " , ") + parted_by_dollars(found[i].inside);
    }
  }
  const std::string_view behind = word_behind(text, last.end);
  if (behind == "%" || behind == "\\%" || is_percent_word(behind)) group.text += " \\%";
  return group;
}

}  // namespace gradus::rewards::math
