#include "policy/formats/families/mixture.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/formats/config_fields.h"

namespace gradus::policy {
namespace {

constexpr std::string_view kCommonKey = "num_local_experts";
constexpr int64_t kMaxExperts = int64_t{1} << 14;
/// Of all layers; DeepSeek-V3 has 14,848.
constexpr int64_t kMaxAllExperts = int64_t{1} << 20;

}  // namespace

int64_t read_num_experts(const ConfigFields& fields, std::string_view own_key) {
  const bool has_own = fields.has(own_key) || !fields.has(kCommonKey);
  const std::string_view key = has_own ? own_key : kCommonKey;
  const int64_t count = fields.whole(key, 1, kMaxExperts);
  if (has_own && fields.has(kCommonKey) && fields.whole(kCommonKey, 1, kMaxExperts) != count) {
    fields.fail(kCommonKey, fmt::format("differs from {} {}", own_key, count));
  }
  return count;
}

int64_t read_experts_per_token(const ConfigFields& fields, int64_t available,
                               const std::string& limit) {
  const int64_t chosen = fields.whole("num_experts_per_tok", 1, kMaxExperts);
  if (chosen <= available) return chosen;
  fields.fail("num_experts_per_tok",
              fmt::format("is {}, must be at most {}: {}", chosen, available, limit));
}

void check_expert_count(const ConfigFields& fields, const ModelConfig& config,
                        std::string_view key) {
  const auto layers = std::count_if(config.layers.begin(), config.layers.end(), [](auto& layer) {
    return layer.ffn == FfnKind::mixture_of_experts;
  });
  if (layers * config.moe.num_experts <= kMaxAllExperts) return;
  fields.fail(key, fmt::format("{} experts in {} layers are more than {} in all",
                               config.moe.num_experts, layers, kMaxAllExperts));
}

}  // namespace gradus::policy
