#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::rl {

/// Words by which texts are compared: in lower case, without white space; a Han or Kana character
/// is a word of its own.
std::vector<std::string> comparison_words(std::string_view text);

/// Hashes of all runs of `length` words, in order; a shorter text has one: of all its words. No
/// words: none.
std::vector<uint64_t> word_runs(const std::vector<std::string>& words, int length);

/// The same, each once and in ascending order.
std::vector<uint64_t> run_set(const std::vector<std::string>& words, int length);

/// |both| / |either| of two ascending sets; two empty ones are equal: 1.
double jaccard(const std::vector<uint64_t>& left, const std::vector<uint64_t>& right);

/// A signature of `size` minima; the share of equal ones in two signatures estimates the sets'
/// Jaccard index.
/// Source: A. Broder, "On the resemblance and containment of documents" (1997).
std::vector<uint64_t> min_hashes(const std::vector<uint64_t>& set, int size);

}  // namespace gradus::rl
