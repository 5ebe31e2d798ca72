#include "service/models/logit_rules.h"

#include <cmath>
#include <span>

namespace gradus::service {
namespace {

/// A bias of -100 is meant as a ban, as OpenAI says.
constexpr float kBan = -100.0F;

class RuleEditor final : public rollout::LogitEditor {
 public:
  explicit RuleEditor(LogitRules rules) : rules_(std::move(rules)) {}

  void edit(int /*completion*/, std::span<const int32_t> tokens, std::span<float> logits) override {
    const auto frequency = static_cast<float>(rules_.frequency_penalty);
    const auto presence = static_cast<float>(rules_.presence_penalty);
    if (frequency != 0.0F || presence != 0.0F) {
      std::map<int32_t, int> counts;
      for (const int32_t token : tokens) ++counts[token];
      for (const auto& [token, count] : counts)
        logits[static_cast<size_t>(token)] -= frequency * static_cast<float>(count) + presence;
    }
    for (const auto& [token, bias] : rules_.bias) {
      if (token < 0 || token >= std::ssize(logits)) continue;
      float& logit = logits[static_cast<size_t>(token)];
      logit = bias <= kBan && rules_.bias.size() < logits.size() ? -INFINITY : logit + bias;
    }
  }

 private:
  LogitRules rules_;
};

class JoinedEditor final : public rollout::LogitEditor {
 public:
  JoinedEditor(std::shared_ptr<LogitEditor> first, std::shared_ptr<LogitEditor> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  void edit(int completion, std::span<const int32_t> tokens, std::span<float> logits) override {
    first_->edit(completion, tokens, logits);
    second_->edit(completion, tokens, logits);
  }

 private:
  std::shared_ptr<LogitEditor> first_;
  std::shared_ptr<LogitEditor> second_;
};

}  // namespace

std::shared_ptr<rollout::LogitEditor> join_editors(std::shared_ptr<rollout::LogitEditor> first,
                                                   std::shared_ptr<rollout::LogitEditor> second) {
  if (!first) return second;
  if (!second) return first;
  return std::make_shared<JoinedEditor>(std::move(first), std::move(second));
}

std::shared_ptr<rollout::LogitEditor> make_logit_editor(const LogitRules& rules) {
  if (rules.is_empty()) return nullptr;
  return std::make_shared<RuleEditor>(rules);
}

}  // namespace gradus::service
