#pragma once

#include <string>
#include <string_view>

namespace gradus::rewards {

/// What two texts may differ in and still be the same.
struct TextNormalization {
  bool ignore_case = false;
  bool ignore_space = true;         // runs of white space are one blank, none at the ends
  bool ignore_punctuation = false;  // Unicode's punctuation, and ASCII's symbols as in SQuAD
  bool ignore_articles = false;     // the words a, an, the
};

/// The text without what is ignored, in Unicode's composed form (NFC); bytes that are not UTF-8
/// become U+FFFD. With all four set: SQuAD's `normalize_answer` (arXiv:1606.05250), but that
/// Unicode punctuation goes as well and that `the` within `the-end` stays where punctuation does.
std::string normalized_text(std::string_view text, const TextNormalization& normalization);

/// Words of two texts compared as bags:
///   precision = common / words of the answer, recall = common / words of the gold,
///   f1 = 2 * precision * recall / (precision + recall)
/// Two empty texts agree (1), an empty and another do not (0), as in SQuAD 2.0. A Han or Kana
/// character is a word of its own.
struct WordOverlap {
  double precision = 0.0;
  double recall = 0.0;
  double f1 = 0.0;
};

WordOverlap word_overlap(std::string_view answer, std::string_view gold);

}  // namespace gradus::rewards
