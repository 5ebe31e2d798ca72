#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "policy/kernels/attention.h"
#include "policy/ops/ops.h"

namespace gradus::policy {

/// Slots and block tables of one call of the CPU kernels. A packed batch gets blocks of its own
/// for the length of the call, laid out as the paged cache would: full blocks of a shared prefix
/// are shared, its last partly filled block is copied for each segment that continues it. Training
/// therefore reads the same blocks in the same order as decoding did, and gets the same bits.
class NativePlan : public AttentionPlan {
 public:
  std::vector<int64_t> slots;               ///< [T] where each row's key and value go
  std::vector<int64_t> copied_rows;         ///< rows of a prefix's last block, once per reader
  std::vector<int64_t> copied_slots;        ///< where their copies go
  std::vector<kernels::AttentionRow> rows;  ///< [T]
  std::vector<kernels::AttentionSegment> segments;  ///< packed batches only, for the backward pass

  kernels::KvLayer layer(int index) const {
    return cache_ != nullptr ? cache_->layer(index) : scratch_;
  }

 private:
  friend std::shared_ptr<NativePlan> plan_packed(const PackedBatch& batch,
                                                 const kernels::KvLayout& layout);
  friend std::shared_ptr<NativePlan> plan_paged(const DecodeBatch& batch, const KvCache& cache);

  std::vector<std::vector<int32_t>> tables_;
  const KvCache* cache_ = nullptr;
  at::Tensor storage_;
  kernels::KvLayer scratch_;
};

std::shared_ptr<NativePlan> plan_packed(const PackedBatch& batch, const kernels::KvLayout& layout);
/// The tables and the cache are the caller's and must outlive the plan.
std::shared_ptr<NativePlan> plan_paged(const DecodeBatch& batch, const KvCache& cache);

}  // namespace gradus::policy
