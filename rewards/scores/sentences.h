#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace gradus::rewards {

/// Number of sentences, near to nltk's Punkt for English, without its trained model.
///
/// A sentence ends at `.`, `!` or `?`, with closing quotes and brackets behind it, before white
/// space or the end of the text. A `.` does not end one behind a title (Dr.), behind another
/// abbreviation or an initial (e.g., p.m., J.) unless a word that often begins sentences follows,
/// behind a number unless a capital follows, nor as `...` before a small letter. What is left over
/// at the end of the text is a sentence too. Unlike Punkt, the ends of other scripts count (。！？
/// । ۔ ؟), with or without white space.
int64_t count_sentences(std::string_view text);
/// The sentences themselves, without white space around them.
std::vector<std::string_view> split_sentences(std::string_view text);

/// A letter, a digit or `_`: Python's `\w`.
bool is_word_character(uint32_t value);

/// Runs of letters, digits and `_`: Python's `\w+`.
int64_t count_word_runs(std::string_view text);

/// Words as nltk's word_tokenize parts them, as far as their letters go: white space, most
/// punctuation and `--` part; hyphens, slashes and inner full stops do not; `n't`, `'s`, `'re`,
/// `'ve`, `'ll`, `'d`, `'m` are words of their own.
std::vector<std::string_view> treebank_words(std::string_view text);
/// The same, sentence by sentence, with the marks between them and at a sentence's end, each a word
/// of its own; runs of `.` or `-` are one.
std::vector<std::string_view> treebank_tokens(std::string_view text);

}  // namespace gradus::rewards
