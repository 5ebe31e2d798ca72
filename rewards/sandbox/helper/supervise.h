#pragma once

#include "rewards/sandbox/launch_plan.h"

namespace gradus::rewards::sandbox {

/// Runs the plan's program to its end, reports the end, and returns when no process that the
/// program left behind lives. The owner ends it early by closing its side of kControl.
///
///   rung namespaces:  helper ── init (PID 1 of the namespaces) ── program
///   other rungs:      helper ── program
///
/// The init reaps orphans and watches memory. The program cannot signal, trace or read it: it is
/// PID 1, it is not dumpable, and where the helper is root the program has another user. When the
/// init ends, the kernel kills every process of its PID namespace, whatever they did to hide.
void supervise(const LaunchPlan& plan);

}  // namespace gradus::rewards::sandbox
