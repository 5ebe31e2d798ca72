#pragma once

#include <cstdint>
#include <optional>

#include "base/settings/setting.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// What the length of a completion is counted in.
enum class LengthUnit {
  tokens,      // sampled ids
  characters,  // code points
  words,       // between white space; a Han or Kana character is one
};

/// Length of a completion; nullopt: tokens are asked for and it came without any (text of a file).
std::optional<int64_t> length_in(LengthUnit unit, const RewardInput& input);

/// Length of a text; @throws ArgumentError  in tokens.
int64_t text_length(LengthUnit unit, std::string_view text);

/// The grade of a completion whose length is unknown.
Grade skipped_without_tokens();

template <class Field>
void describe_unit(LengthUnit& unit, Field&& field) {
  field("unit", unit,
        one_of<LengthUnit>({{"tokens", LengthUnit::tokens},
                            {"characters", LengthUnit::characters},
                            {"words", LengthUnit::words}}),
        "what lengths are counted in");
}

}  // namespace gradus::rewards
