#pragma once

#include "rewards/instructions/arguments.h"
#include "rewards/instructions/instruction.h"

namespace gradus::rewards {

/// An instruction that can be checked: a maker with its record, and one line of records.inc.
/// Regular expressions are the reference's.
struct InstructionRecord {
  const char* id;
  InstructionCheck (*make)(const InstructionArguments& arguments);
};

}  // namespace gradus::rewards
