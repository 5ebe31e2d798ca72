#pragma once

#include "rewards/sandbox/launch_plan.h"

namespace gradus::rewards::sandbox {

/// Replaces the mount namespace's root with a view of the machine: an empty read-only tmpfs with
/// the plan's folders bound read-only at their places (nosuid, nodev), a few devices, /proc of the
/// PID namespace with nothing but processes in it, and the scratch folder, a tmpfs of limited
/// size. Everything else of the machine is gone from sight.
///
/// Needs the capabilities of an own user namespace and Linux 5.12. Ends the process by fail_setup.
void build_view(const LaunchPlan& plan);

}  // namespace gradus::rewards::sandbox
