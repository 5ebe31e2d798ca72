#pragma once

#include <sys/types.h>

#include "rewards/sandbox/launch_plan.h"

namespace gradus::rewards::sandbox {

/// Who the program runs as: ids of the current user namespace.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  bool changes = false;  // from root to another user
};

/// Gives up everything the program shall not have, in the order that leaves each step possible:
/// limits, user and group, capabilities, new privileges, files (Landlock), system calls (seccomp).
/// The next call must be exec. Ends the process by fail_setup.
void restrict_self(const LaunchPlan& plan, const Identity& identity);

}  // namespace gradus::rewards::sandbox
