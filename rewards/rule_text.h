#pragma once

#include <string_view>

#include "rewards/reward_config.h"

namespace gradus::rewards {

/// One [[rewards]] table on a line, for command lines and files of cases:
///
///   TYPE[:key=value,...]
///
///   accuracy    accuracy:extract=boxed,weight=2    python:file=rewards.py:score
///   regex:pattern="a,b=c"
///
/// A comma ends a value where `key=` follows it, outside quotes and brackets. A value is in TOML's
/// syntax; text needs quotes only where it holds `, key=`, or would read as a number for a rule's
/// own plug-in.
/// @throws ConfigError  "--rule accuracy:extract=box: extract: ..."; what the table refuses.
RewardConfig parse_rule(std::string_view text);

}  // namespace gradus::rewards
