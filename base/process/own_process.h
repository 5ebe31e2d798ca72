#pragma once

#include <cstdint>

namespace gradus {

/// What this process holds in memory now.
int64_t resident_bytes();

/// The most that it held since it began, or since reset_peak_memory.
int64_t peak_memory_bytes();

/// Lets the peak begin anew; where the system refuses that, nothing changes.
void reset_peak_memory();

/// Seconds since this process was started; 0 where the system does not say.
double process_age_s();

/// Seconds that its threads and its ended children have computed.
double cpu_seconds();

}  // namespace gradus
