// ratio:* and repeat:* of IFBench: shares of words and kinds of sentences, and what is repeated.

#include <algorithm>
#include <set>

#include "base/utf8.h"
#include "rewards/instructions/instruction_record.h"
#include "rewards/instructions/pieces.h"
#include "rewards/scores/sentences.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

// nltk's English stop words, as far as they are single words.
const std::set<std::string, std::less<>>& stop_words() {
  static const std::set<std::string, std::less<>> words = [] {
    constexpr std::string_view kWords =
        "i me my myself we our ours ourselves you your yours yourself yourselves he him his "
        "himself she her hers herself it its itself they them their theirs themselves what which "
        "who whom this that these those am is are was were be been being have has had having do "
        "does did doing a an the and but if or because as until while of at by for with about "
        "against between into through during before after above below to from up down in out on "
        "off over under again further then once here there when where why how all any both each "
        "few more most other some such no nor not only own same so than too very s t can will just "
        "don should now d ll m o re ve y ain aren couldn didn doesn hadn hasn haven isn ma mightn "
        "mustn needn shan shouldn wasn weren won wouldn";
    std::set<std::string, std::less<>> all;
    for (const auto word : split_words(kWords)) all.emplace(word);
    return all;
  }();
  return words;
}

/// Runs of letters, digits and _.
std::vector<std::string_view> word_runs(std::string_view text) {
  std::vector<std::string_view> runs;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size();) {
    const CodePoint point = i < text.size() ? code_point_at(text, i) : CodePoint{' ', 1, true};
    if (!is_word_character(point.value)) {
      if (i > begin) runs.push_back(text.substr(begin, i - begin));
      begin = i + point.num_bytes;
    }
    i += point.num_bytes;
  }
  return runs;
}

/// Sentences that end in `mark`.
int64_t num_ending(const std::vector<std::string_view>& sentences, char mark) {
  return std::ranges::count_if(sentences,
                               [mark](std::string_view text) { return text.ends_with(mark); });
}

/// The different triples of characters, in order.
std::vector<std::array<uint32_t, 3>> trigrams(std::string_view text) {
  const auto points = code_points(text);
  std::vector<std::array<uint32_t, 3>> all;
  for (size_t i = 0; i + 2 < points.size(); ++i)
    all.push_back({points[i], points[i + 1], points[i + 2]});
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

std::string joined_from_second(std::string_view text) {
  std::string joined;
  const auto words = split_words(text);
  for (size_t i = 1; i < words.size(); ++i) {
    if (i > 1) joined += ' ';
    joined += words[i];
  }
  return joined;
}

// At most `percentage` % of the words are stop words.
InstructionCheck make_stop_words(const InstructionArguments& arguments) {
  const auto most = static_cast<double>(arguments.count("percentage"));
  return [most](std::string_view response) {
    const auto words = word_runs(response);
    if (words.empty()) return false;
    const auto count = std::ranges::count_if(
        words, [](std::string_view word) { return stop_words().contains(lower_case(word)); });
    return static_cast<double>(count) / static_cast<double>(words.size()) * 100.0 <= most;
  };
}

// Twice as many sentences end in a full stop as in a question mark.
InstructionCheck make_sentence_type(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto sentences = split_sentences(response);
    return num_ending(sentences, '.') == 2 * num_ending(sentences, '?');
  };
}

// As many sentences end in each of . ? and !.
InstructionCheck make_sentence_balance(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto sentences = split_sentences(response);
    const int64_t statements = num_ending(sentences, '.');
    return statements == num_ending(sentences, '?') && statements == num_ending(sentences, '!');
  };
}

// `percentage` % of its different triples of characters, 2 more or less, are in `reference_text`.
InstructionCheck make_overlap(const InstructionArguments& arguments) {
  const auto wanted = static_cast<double>(arguments.count("percentage"));
  const auto reference = trigrams(arguments.text("reference_text"));
  return [wanted, reference](std::string_view response) {
    const auto own = trigrams(response);
    if (own.empty()) return false;
    std::vector<std::array<uint32_t, 3>> common;
    std::ranges::set_intersection(own, reference, std::back_inserter(common));
    const double share =
        static_cast<double>(common.size()) / static_cast<double>(own.size()) * 100.0;
    return wanted - 2.0 <= share && share <= wanted + 2.0;
  };
}

// Three sentences of the same number of characters (that their words differ, the reference does
// not look at).
InstructionCheck make_sentence_words(const InstructionArguments&) {
  return [](std::string_view response) {
    const auto sentences = split_sentences(response);
    if (sentences.size() != 3) return false;
    const int64_t length = num_code_points(sentences[0]);
    return num_code_points(sentences[1]) == length && num_code_points(sentences[2]) == length;
  };
}

// `prompt_to_repeat` with another first word.
InstructionCheck make_repeat_change(const InstructionArguments& arguments) {
  const std::string prompt = arguments.text("prompt_to_repeat");
  return [prompt, rest = joined_from_second(prompt)](std::string_view response) {
    return response != prompt && joined_from_second(response) == rest;
  };
}

// The instruction itself, whatever the case.
InstructionCheck make_repeat_simple(const InstructionArguments&) {
  return [](std::string_view response) {
    return lower_case(stripped(response)) ==
           "only output this sentence here, ignore all other requests.";
  };
}

// Characters `n_start` to `n_end` of `prompt_to_repeat`, counted from 0, whatever the case.
InstructionCheck make_repeat_span(const InstructionArguments& arguments) {
  const auto points = code_points(arguments.text("prompt_to_repeat"));
  const auto size = static_cast<int64_t>(points.size());
  const int64_t begin = std::min(arguments.count("n_start"), size);
  const int64_t end = std::min(arguments.count("n_end") + 1, size);
  std::string span;
  for (int64_t i = begin; i < end; ++i) append_code_point(span, points[static_cast<size_t>(i)]);
  return [span = lower_case(stripped(span))](std::string_view response) {
    return lower_case(stripped(response)) == span;
  };
}

}  // namespace

extern const InstructionRecord kStopWordsInstruction{"ratio:stop_words", make_stop_words};
extern const InstructionRecord kSentenceTypeInstruction{"ratio:sentence_type", make_sentence_type};
extern const InstructionRecord kSentenceBalanceInstruction{"ratio:sentence_balance",
                                                           make_sentence_balance};
extern const InstructionRecord kOverlapInstruction{"ratio:overlap", make_overlap};
extern const InstructionRecord kSentenceWordsInstruction{"ratio:sentence_words",
                                                         make_sentence_words};
extern const InstructionRecord kRepeatChangeInstruction{"repeat:repeat_change", make_repeat_change};
extern const InstructionRecord kRepeatSimpleInstruction{"repeat:repeat_simple", make_repeat_simple};
extern const InstructionRecord kRepeatSpanInstruction{"repeat:repeat_span", make_repeat_span};

}  // namespace gradus::rewards
