#pragma once

#include "base/settings/setting.h"
#include "rewards/scores/text_part.h"
#include "rewards/scores/text_scores.h"

namespace gradus::rewards {

/// The option `part` of a rule.
template <class Field>
void describe_part(TextPart& part, Field&& field) {
  field("part", part,
        one_of<TextPart>({{"all", TextPart::all},
                          {"thinking", TextPart::thinking},
                          {"answer", TextPart::answer},
                          {"answer_tag", TextPart::answer_tag},
                          {"boxed", TextPart::boxed},
                          {"fence", TextPart::fence},
                          {"last_line", TextPart::last_line}}),
        "what is read; answer: behind </think>; answer_tag, boxed, fence: inside the last one "
        "there");
}

template <class Field>
void describe(TextNormalization& c, Field&& field) {
  field("ignore_case", c.ignore_case, any(), "A is a");
  field("ignore_space", c.ignore_space, any(),
        "runs of white space are one blank, none at the ends");
  field("ignore_punctuation", c.ignore_punctuation, any(), "punctuation does not count");
  field("ignore_articles", c.ignore_articles, any(), "the words a, an, the do not count");
}

}  // namespace gradus::rewards
