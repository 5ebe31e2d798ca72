#pragma once

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::graders {

/// The stem of a lower-case English word: Porter's algorithm (1980) with the extensions of nltk's
/// PorterStemmer, its default.
profiles::Text porter_stem(profiles::TextView word);

}  // namespace gradus::rewards::graders
