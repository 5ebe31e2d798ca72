#pragma once

#include <string_view>

namespace gradus::rewards {

/// Whether a tagger would most likely take the word for a verb where a text begins with it: one of
/// some 500 English verbs that are seldom anything else there, in any form, or a form of be, have
/// and do. Words that are nouns or adjectives as often (light, answer, open) count too: at the
/// beginning they are commands. Near to nltk's tagger, not equal.
bool is_verb(std::string_view word);

}  // namespace gradus::rewards
