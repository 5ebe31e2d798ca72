#pragma once

#include <functional>
#include <iosfwd>
#include <memory>
#include <string>

#include "base/clock.h"
#include "cli/session.h"
#include "rl/run/run_observer.h"

namespace gradus::cli {

/// Figures of one step in a few words: "reward 0.412  accuracy 0.61  1.2 k tokens/s".
std::string step_summary(const rl::MetricsRecord& record);

/// What a person on a terminal sees: one line that is drawn again and again, evaluations and
/// warnings left standing above it.
/// @param width  gives the terminal's columns; a longer line would not be drawn over but wrap.
std::unique_ptr<rl::RunObserver> make_terminal_display(std::ostream& out, int64_t steps,
                                                       const Clock& clock,
                                                       std::function<int()> width);

/// One plain line per step, for logs.
std::unique_ptr<rl::RunObserver> make_plain_display(std::ostream& out, int64_t steps,
                                                    const Clock& clock);

/// One JSON object per event and line: {"event": "opening" | "step" | "eval" | "warning", ...}.
std::unique_ptr<rl::RunObserver> make_json_display(std::ostream& out);

/// The one that suits the session: JSON where it is asked for, lines that are drawn again where a
/// person looks on, plain lines else.
std::unique_ptr<rl::RunObserver> make_display(bool as_json, int64_t steps, const Clock& clock,
                                              Session& session);

}  // namespace gradus::cli
