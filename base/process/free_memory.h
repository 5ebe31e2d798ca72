#pragma once

#include <cstdint>

namespace gradus {

/// Of the machine.
int64_t memory_bytes();

/// Bytes that can still be allocated: the smaller of what the system and the control group allow.
int64_t free_memory_bytes();

}  // namespace gradus
