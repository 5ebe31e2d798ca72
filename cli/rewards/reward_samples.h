#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace gradus::cli {

/// A completion that a rule may meet, made from a data row.
struct RewardSample {
  enum class Kind {
    right,    // the row's answer in one of the usual forms
    wrong,    // another answer, or none
    hostile,  // what breaks graders or is paid by weak ones
  };
  Kind kind;
  std::string name;  // the same for every row
  std::string text;
};

const char* kind_name(RewardSample::Kind kind);

/// The row's answer: the first of `columns` that holds text or a number, then of answer, solution,
/// reference_answer and target; what stands behind the last #### of it. Empty: there is none.
std::string answer_of_row(const nlohmann::json& row, const std::vector<std::string>& columns);

/// Right ones (if the row has an answer), wrong ones, and hostile ones: huge, nested, NUL, no
/// UTF-8, tags that do not close, a forged verdict, several answers at once, a power that explodes.
std::vector<RewardSample> reward_samples(const nlohmann::json& row,
                                         const std::vector<std::string>& columns);

}  // namespace gradus::cli
