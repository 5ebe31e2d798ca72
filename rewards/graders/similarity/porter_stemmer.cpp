#include "rewards/graders/similarity/porter_stemmer.h"

#include <array>
#include <span>

namespace gradus::rewards::graders {
namespace {

using profiles::Text;
using profiles::TextView;

struct Irregular {
  TextView word;
  TextView stem;
};

constexpr std::array kIrregular{
    Irregular{U"sky", U"sky"},          Irregular{U"skies", U"sky"},
    Irregular{U"dying", U"die"},        Irregular{U"lying", U"lie"},
    Irregular{U"tying", U"tie"},        Irregular{U"news", U"news"},
    Irregular{U"innings", U"inning"},   Irregular{U"inning", U"inning"},
    Irregular{U"outings", U"outing"},   Irregular{U"outing", U"outing"},
    Irregular{U"cannings", U"canning"}, Irregular{U"canning", U"canning"},
    Irregular{U"howe", U"howe"},        Irregular{U"proceed", U"proceed"},
    Irregular{U"exceed", U"exceed"},    Irregular{U"succeed", U"succeed"},
};

struct Rule {
  TextView suffix;
  TextView replacement;
};

// Of each list the first rule whose suffix the word has decides, whether its condition holds or
// not.
constexpr std::array kStep2{
    Rule{U"ational", U"ate"}, Rule{U"tional", U"tion"}, Rule{U"enci", U"ence"},
    Rule{U"anci", U"ance"},   Rule{U"izer", U"ize"},    Rule{U"bli", U"ble"},
    Rule{U"alli", U"al"},     Rule{U"entli", U"ent"},   Rule{U"eli", U"e"},
    Rule{U"ousli", U"ous"},   Rule{U"ization", U"ize"}, Rule{U"ation", U"ate"},
    Rule{U"ator", U"ate"},    Rule{U"alism", U"al"},    Rule{U"iveness", U"ive"},
    Rule{U"fulness", U"ful"}, Rule{U"ousness", U"ous"}, Rule{U"aliti", U"al"},
    Rule{U"iviti", U"ive"},   Rule{U"biliti", U"ble"},  Rule{U"fulli", U"ful"},
};
constexpr std::array kStep3{
    Rule{U"icate", U"ic"}, Rule{U"ative", U""}, Rule{U"alize", U"al"}, Rule{U"iciti", U"ic"},
    Rule{U"ical", U"ic"},  Rule{U"ful", U""},   Rule{U"ness", U""},
};
constexpr std::array<TextView, 19> kStep4{
    U"al",  U"ance", U"ence", U"er",  U"ic",  U"able", U"ible", U"ant", U"ement", U"ment",
    U"ent", U"ion",  U"ou",   U"ism", U"ate", U"iti",  U"ous",  U"ive", U"ize"};

// y is a vowel behind a consonant.
std::vector<bool> consonants_of(TextView word) {
  std::vector<bool> consonants;
  for (const char32_t c : word) {
    const bool is_vowel = c == U'a' || c == U'e' || c == U'i' || c == U'o' || c == U'u';
    const bool follows_consonant = !consonants.empty() && consonants.back();
    consonants.push_back(!is_vowel && !(c == U'y' && follows_consonant));
  }
  return consonants;
}

// The m of [C](VC){m}[V].
int measure(TextView stem) {
  const auto consonants = consonants_of(stem);
  int count = 0;
  for (size_t i = 1; i < consonants.size(); ++i) count += !consonants[i - 1] && consonants[i];
  return count;
}

bool has_vowel(TextView stem) {
  for (const bool is_consonant : consonants_of(stem)) {
    if (!is_consonant) return true;
  }
  return false;
}

bool ends_with_double_consonant(TextView word) {
  return word.size() >= 2 && word[word.size() - 1] == word[word.size() - 2] &&
         consonants_of(word).back();
}

bool ends_with_short_syllable(TextView word) {
  const auto is_consonant = consonants_of(word);
  const size_t n = word.size();
  if (n == 2) return !is_consonant[0] && is_consonant[1];
  return n >= 3 && is_consonant[n - 3] && !is_consonant[n - 2] && is_consonant[n - 1] &&
         word.back() != U'w' && word.back() != U'x' && word.back() != U'y';
}

TextView without(TextView word, TextView suffix) {
  return word.substr(0, word.size() - suffix.size());
}

Text plural_removed(TextView word) {
  if (word.ends_with(U"ies") && word.size() == 4) return Text(without(word, U"s"));
  if (word.ends_with(U"sses")) return Text(without(word, U"es"));
  if (word.ends_with(U"ies")) return Text(without(word, U"es"));
  if (word.ends_with(U"ss") || !word.ends_with(U"s")) return Text(word);
  return Text(without(word, U"s"));
}

Text repaired_after_ed_or_ing(TextView stem) {
  if (stem.ends_with(U"at") || stem.ends_with(U"bl") || stem.ends_with(U"iz")) {
    return Text(stem) + U"e";
  }
  if (ends_with_double_consonant(stem)) {
    const char32_t last = stem.back();
    return Text(last == U'l' || last == U's' || last == U'z' ? stem
                                                             : stem.substr(0, stem.size() - 1));
  }
  const bool is_short = measure(stem) == 1 && ends_with_short_syllable(stem);
  return Text(stem) + (is_short ? U"e" : U"");
}

Text past_removed(TextView word) {
  if (word.ends_with(U"ied")) return Text(without(word, word.size() == 4 ? U"d" : U"ed"));
  if (word.ends_with(U"eed")) {
    const TextView stem = without(word, U"eed");
    return measure(stem) > 0 ? Text(stem) + U"ee" : Text(word);
  }
  for (const TextView suffix : {TextView(U"ed"), TextView(U"ing")}) {
    if (word.ends_with(suffix) && has_vowel(without(word, suffix))) {
      return repaired_after_ed_or_ing(without(word, suffix));
    }
  }
  return Text(word);
}

Text y_replaced(TextView word) {
  if (!word.ends_with(U"y")) return Text(word);
  const TextView stem = without(word, U"y");
  return stem.size() > 1 && consonants_of(stem).back() ? Text(stem) + U"i" : Text(word);
}

Text first_rule(TextView word, std::span<const Rule> rules) {
  for (const auto& [suffix, replacement] : rules) {
    if (!word.ends_with(suffix)) continue;
    const TextView stem = without(word, suffix);
    return measure(stem) > 0 ? Text(stem).append(replacement) : Text(word);
  }
  return Text(word);
}

Text step2(TextView word) {
  if (word.ends_with(U"alli") && measure(without(word, U"alli")) > 0) {
    return step2(Text(without(word, U"li")));
  }
  if (word.ends_with(U"logi")) {  // no other rule's suffix ends it
    const TextView stem = without(word, U"ogi");
    return measure(stem) > 0 ? Text(without(word, U"i")) : Text(word);
  }
  return first_rule(word, kStep2);
}

Text step4(TextView word) {
  for (const TextView suffix : kStep4) {
    if (!word.ends_with(suffix)) continue;
    const TextView stem = without(word, suffix);
    const bool is_allowed = suffix != U"ion" || stem.ends_with(U"s") || stem.ends_with(U"t");
    return measure(stem) > 1 && is_allowed ? Text(stem) : Text(word);
  }
  return Text(word);
}

Text step5(TextView word) {
  Text result(word);
  if (word.ends_with(U"e")) {
    const TextView stem = without(word, U"e");
    const int m = measure(stem);
    if (m > 1 || (m == 1 && !ends_with_short_syllable(stem))) result = Text(stem);
  }
  if (result.ends_with(U"ll") && measure(TextView(result).substr(0, result.size() - 1)) > 1) {
    result.pop_back();
  }
  return result;
}

}  // namespace

Text porter_stem(TextView word) {
  for (const auto& [irregular, stem] : kIrregular) {
    if (word == irregular) return Text(stem);
  }
  if (word.size() <= 2) return Text(word);
  const Text base = y_replaced(past_removed(plural_removed(word)));
  return step5(step4(first_rule(step2(base), kStep3)));
}

}  // namespace gradus::rewards::graders
