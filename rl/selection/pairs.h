#pragma once

#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rl/selection/sampled_row.h"
#include "rl/selection/selection_config.h"

namespace gradus::rl {

enum class PairKind {
  right_wrong,    ///< a right answer against a wrong one
  long_to_short,  ///< the shortest right answer against the longest right one
};

/// Settings `sample.pairs.*`: pairs of one prompt's samples, for preference training and reward
/// models.
struct PairConfig {
  PairKind kind = PairKind::right_wrong;
  int most = 1;
  double max_length_ratio = 2.0;
  double min_length_ratio = 1.5;
};

void describe(PairConfig& c, SettingFields& field);

/// The pairs of samples as JSON lines: the data row's columns, prompt (text or messages), chosen,
/// rejected, source, and both answers' provenance.
///
///   right_wrong    answers of nearly one length: the longer has at most max_length_ratio times the
///                  tokens of the other, as a preference for length would be learned otherwise
///   long_to_short  the rejected answer has at least min_length_ratio times the tokens of the
///   chosen
///                  one (Kimi k1.5, arXiv:2501.12599, section 2.4)
///
/// A function of the set of samples, whatever their order. Answers that were cut off are in none.
std::string pair_rows(std::vector<SampledRow> samples, const PairConfig& config,
                      const SelectionConfig& select);

}  // namespace gradus::rl
