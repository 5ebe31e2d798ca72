#pragma once

#include <memory>
#include <optional>

#include "rewards/graders/grader.h"

namespace gradus::rewards::graders {

/// A type of grader, `extern const` in its own file; records.inc lists them in the order of the
/// errors that name them.
struct GraderRecord {
  const char* type;
  /// The reader has `type` and `name` behind it; a maker reads the rest and finishes it.
  std::unique_ptr<Grader> (*make)(SpecReader& spec, const std::string& name,
                                  GraderServices& services);
  std::optional<GraderPlace> only_at = {};  // none: everywhere
};

}  // namespace gradus::rewards::graders
