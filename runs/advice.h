#pragma once

#include <string>
#include <vector>

#include "runs/run_view.h"

namespace gradus::runs {

/// One thing that a run's figures say, and the setting that treats it.
struct Advice {
  std::string level;    ///< "alarm": something is broken; "advice": a setting; "note": how it goes
  std::string text;     ///< a sentence or two, with the figures
  std::string setting;  ///< "rollout.max_tokens"; empty: none treats it
};

/// What the newest steps say of a run, the most urgent first: groups without signal, completions
/// that are cut off, rules that fail, entropy and KL that run away, gradients that are not finite,
/// sampler and trainer that differ, a run that stands still, and whether it learns at all.
///
/// Judged by the last `window` steps (10, or a third of the run where that is less), never by the
/// whole run, which would hold an early fault against it for ever. Advice about settings is given
/// only where no alarm is on.
///
/// @param silent_s  seconds since the run last wrote anything; below 0: not known.
std::vector<Advice> advice_for(const RunView& run, double silent_s);

}  // namespace gradus::runs
