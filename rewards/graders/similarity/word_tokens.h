#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::graders {

using profiles::Text;
using profiles::TextView;

/// Words as sacrebleu's tokenizer "13a" (mteval-v13a) cuts them: punctuation and symbols stand
/// alone, full stops and commas between digits do not.
std::vector<Text> words_13a(std::string_view text);

/// Words as rouge-score cuts them: lower case, runs of a-z and 0-9.
std::vector<Text> words_rouge(std::string_view text);

/// Words of two texts as numbers, equal for equal words, so that n-grams are pieces of a string.
class WordNumbers {
 public:
  Text numbers_of(const std::vector<Text>& words);

 private:
  std::unordered_map<Text, char32_t> numbers_;
};

/// How often each n-gram occurs; views into `numbers`.
std::unordered_map<TextView, int64_t> count_ngrams(TextView numbers, size_t n);

/// Sum over n-grams of the smaller of both counts.
int64_t num_common(const std::unordered_map<TextView, int64_t>& a,
                   const std::unordered_map<TextView, int64_t>& b);

/// Length of the longest common subsequence (Hyyro's bit-parallel form): |a| * |b| / 64 steps.
size_t common_subsequence(TextView a, TextView b);

}  // namespace gradus::rewards::graders
