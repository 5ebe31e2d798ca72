#pragma once

#include <memory>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/reward_config.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// Makers of the rules that registry.cpp lists, and the options of each. What a rule does stands
/// at the top of its source file.

std::unique_ptr<RewardRule> make_accuracy_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_format_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_reasoning_steps_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_soft_overlong_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_cosine_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_length_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_repetition_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_countdown_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_exact_match_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_word_overlap_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_regex_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_ifeval_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_json_schema_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_language_consistency_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_length_budget_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_code_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_command_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_library_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_lua_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_grader_rule(const RewardConfig& config);
std::unique_ptr<RewardRule> make_python_rule(const RewardConfig& config);

std::vector<SettingInfo> accuracy_options();
std::vector<SettingInfo> format_options();
std::vector<SettingInfo> reasoning_steps_options();
std::vector<SettingInfo> soft_overlong_options();
std::vector<SettingInfo> cosine_options();
std::vector<SettingInfo> length_options();
std::vector<SettingInfo> repetition_options();
std::vector<SettingInfo> countdown_options();
std::vector<SettingInfo> exact_match_options();
std::vector<SettingInfo> word_overlap_options();
std::vector<SettingInfo> regex_options();
std::vector<SettingInfo> ifeval_options();
std::vector<SettingInfo> json_schema_options();
std::vector<SettingInfo> language_consistency_options();
std::vector<SettingInfo> length_budget_options();
std::vector<SettingInfo> code_options();
std::vector<SettingInfo> command_options();
std::vector<SettingInfo> library_options();
std::vector<SettingInfo> lua_options();
std::vector<SettingInfo> grader_options();
std::vector<SettingInfo> python_options();

}  // namespace gradus::rewards
