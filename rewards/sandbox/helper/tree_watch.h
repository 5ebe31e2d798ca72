#pragma once

#include <cstdint>
#include <string>

namespace gradus::rewards::sandbox {

/// The memory of all processes of this PID namespace, this one apart, against a limit.
///
/// Limits of single processes do not bound their sum, and control groups are rarely ours to make.
/// So the processes' own pages (resident - shared, /proc/PID/statm) are summed every few
/// milliseconds; pages that processes share after fork count twice there, so past the limit the
/// exact sum (Pss of smaps_rollup) decides. The scratch folder is memory too and is added.
/// A burst between two looks is bounded by the limits of the single process.
class MemoryWatch {
 public:
  MemoryWatch(uint64_t limit_bytes, std::string scratch)
      : limit_(limit_bytes), scratch_(std::move(scratch)) {}

  bool is_exceeded() const;

 private:
  uint64_t limit_;
  std::string scratch_;
};

}  // namespace gradus::rewards::sandbox
