#pragma once

#include <string>
#include <string_view>

namespace gradus::rewards::graders {

/// Similarities of a text to a reference, each in [0, 1], 1 for equal texts that have any words.
/// OpenAI names metrics, not libraries; what each follows here stands beside it. Pure functions;
/// time at most (characters * characters / 64) for the common subsequences, else linear.

/// rapidfuzz's fuzz.ratio: 2 * LCS / (|a| + |b|) over characters (code points), LCS the length of
/// the longest common subsequence; two empty texts: 1.
double fuzzy_match(std::string_view input, std::string_view reference);

/// BLEU of one sentence (Papineni et al. 2002) as sacrebleu's sentence_bleu computes it:
///
///   BP * exp(sum over n <= N of log p_n / N),  BP = min(1, exp(1 - |reference| / |input|))
///
/// p_n the clipped precision of n-grams, N = 4 or the longest n-gram the input has ("effective
/// order"); the k-th p_n without a match is 1 / (2^k * n-grams) ("exp" smoothing). Words: 13a.
double bleu(std::string_view input, std::string_view reference);

/// Google's GLEU (Wu et al. 2016) as nltk's sentence_gleu: matching n-grams, n = 1..4, divided by
/// those of the longer text. Words: 13a.
double gleu(std::string_view input, std::string_view reference);

/// METEOR (Lavie and Agarwal 2007) as nltk's single_meteor_score with alpha 0.9, beta 3, gamma 0.5:
///
///   F = P R / (0.9 P + 0.1 R),  score = F * (1 - 0.5 (chunks / matches)^3)
///
/// Words (13a, lower case) match when equal, then when their Porter stems are; WordNet's synonyms,
/// which nltk tries last, are left out: they need its data.
double meteor(std::string_view input, std::string_view reference);

/// ROUGE-n (Lin 2004) as rouge-score without stemmer: the F1 of matching n-grams, n = 1..5. Words:
/// lower case, runs of a-z and 0-9.
double rouge_n(std::string_view input, std::string_view reference, int n);

/// ROUGE-L: the F1 of the longest common subsequence of words.
double rouge_l(std::string_view input, std::string_view reference);

}  // namespace gradus::rewards::graders
