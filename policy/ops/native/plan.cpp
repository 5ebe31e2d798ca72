#include "policy/ops/native/plan.h"

#include <ATen/ops/empty.h>

namespace gradus::policy {
namespace {

int64_t slot_of(const std::vector<int32_t>& table, int64_t place) {
  return int64_t{table[static_cast<size_t>(place / kBlockTokens)]} * kBlockTokens +
         place % kBlockTokens;
}

}  // namespace

std::shared_ptr<NativePlan> plan_packed(const PackedBatch& batch, const kernels::KvLayout& layout) {
  auto plan = std::make_shared<NativePlan>();
  plan->tables_.resize(batch.segments.size());
  plan->slots.reserve(batch.tokens.size());
  int32_t next_block = 0;
  for (size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    auto& table = plan->tables_[s];
    Segment prefix;
    if (segment.prefix >= 0) {
      prefix = batch.segments[static_cast<size_t>(segment.prefix)];
      TORCH_CHECK(prefix.prefix < 0 && segment.prefix < static_cast<int32_t>(s),
                  "a prefix stands before its readers and has no prefix itself");
      const auto& shared = plan->tables_[static_cast<size_t>(segment.prefix)];
      table.assign(shared.begin(), shared.begin() + prefix.length / kBlockTokens);
    }
    const int64_t total = prefix.length + segment.length;
    while (std::ssize(table) * kBlockTokens < total) table.push_back(next_block++);
    for (int64_t i = prefix.length / kBlockTokens * kBlockTokens; i < prefix.length; ++i) {
      plan->copied_rows.push_back(prefix.begin + i);
      plan->copied_slots.push_back(slot_of(table, i));
    }
    for (int64_t i = 0; i < segment.length; ++i) {
      plan->slots.push_back(slot_of(table, prefix.length + i));
      plan->rows.push_back({table.data(), static_cast<int32_t>(prefix.length + i)});
    }
    plan->segments.push_back({segment.begin, segment.length, prefix.begin, prefix.length});
  }
  plan->storage_ = at::empty({std::max<int64_t>(next_block, 1), layout.block_bytes()}, at::kByte);
  plan->scratch_ = {static_cast<std::byte*>(plan->storage_.data_ptr()), next_block, layout};
  return plan;
}

std::shared_ptr<NativePlan> plan_paged(const DecodeBatch& batch, const KvCache& cache) {
  auto plan = std::make_shared<NativePlan>();
  plan->cache_ = &cache;
  plan->slots.reserve(batch.tokens.size());
  plan->rows.reserve(batch.tokens.size());
  for (size_t r = 0; r < batch.tokens.size(); ++r) {
    const auto table = batch.block_tables[static_cast<size_t>(batch.sequences[r])];
    const int32_t place = batch.places[r];
    plan->slots.push_back(int64_t{table[static_cast<size_t>(place / kBlockTokens)]} * kBlockTokens +
                          place % kBlockTokens);
    plan->rows.push_back({table.data(), place, batch.first_place});
  }
  return plan;
}

}  // namespace gradus::policy
