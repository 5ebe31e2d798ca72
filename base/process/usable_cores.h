#pragma once

namespace gradus {

/// Cores that this process may run on.
int usable_cores();

}  // namespace gradus
