#include "rollout/prompts/generated_prompts.h"

#include "base/error.h"
#include "rollout/prompts/epoch_order.h"
#include "rollout/tasks/generated_task.h"

namespace gradus::rollout {
namespace {

constexpr uint64_t kMostDraws = 100;

class GeneratedPrompts final : public PromptSource {
 public:
  GeneratedPrompts(const DataConfig& config, PromptRenderer renderer, uint64_t seed)
      : config_(config), renderer_(std::move(renderer)), seed_(seed) {
    if (config.count > 0) order_.emplace(config.count, seed, config.shuffle);
    at(0);  // finds bad options now, not at the first step
  }

  int64_t size() const override { return config_.count; }
  const std::vector<std::string>& skipped() const override { return skipped_; }

  Prompt at(int64_t index) const override {
    const int64_t row_index = config_.offset + (order_ ? order_->row_at(index) : index);
    const std::string id = config_.task + ":" + std::to_string(row_index);
    std::string reason;
    for (uint64_t attempt = 0; attempt < kMostDraws; ++attempt) {
      auto row = generate_task(config_.task, config_.options, seed_ + attempt, row_index);
      auto rendered = renderer_.render(read_row(std::move(row), renderer_.rules()), id);
      if (!rendered.problem.empty()) throw ConfigError("data.task " + id + ": " + rendered.problem);
      if (rendered.too_long.empty()) return std::move(rendered.prompt);
      reason = std::move(rendered.too_long);
    }
    throw ConfigError("data.task " + id + ": no row is short enough; the last " + reason +
                      "; make the task easier in data.options or raise data.max_prompt_tokens");
  }

 private:
  DataConfig config_;
  PromptRenderer renderer_;
  uint64_t seed_;
  std::optional<EpochOrder> order_;
  std::vector<std::string> skipped_;
};

}  // namespace

std::unique_ptr<PromptSource> make_generated_prompts(const DataConfig& config,
                                                     PromptRenderer renderer, uint64_t seed) {
  return std::make_unique<GeneratedPrompts>(config, std::move(renderer), seed);
}

}  // namespace gradus::rollout
