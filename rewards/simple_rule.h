#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// A rule that looks at one completion at a time: a name and a pure function.
class SimpleRule final : public RewardRule {
 public:
  using Score = std::function<Grade(const RewardInput&)>;

  SimpleRule(std::string name, Score score) : name_(std::move(name)), score_(std::move(score)) {}

  std::string name() const override { return name_; }

  std::vector<Grade> grade(std::span<const RewardInput> group) override {
    std::vector<Grade> grades;
    grades.reserve(group.size());
    for (const RewardInput& input : group) grades.push_back(score_(input));
    return grades;
  }

 private:
  std::string name_;
  Score score_;
};

}  // namespace gradus::rewards
