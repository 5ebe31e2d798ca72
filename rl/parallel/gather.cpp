#include "rl/parallel/gather.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstring>

namespace gradus::rl {

std::vector<std::string> gather_texts(Communicator& ranks, const std::string& own) {
  if (ranks.size() == 1) return {own};
  const int64_t R = ranks.size();
  at::Tensor length = at::empty({1}, at::kLong);
  length.mutable_data_ptr<int64_t>()[0] = static_cast<int64_t>(own.size());
  at::Tensor lengths = at::empty({R, 1}, at::kLong);
  ranks.all_gather(lengths, length);
  const int64_t* sizes = lengths.const_data_ptr<int64_t>();
  const int64_t most = *std::max_element(sizes, sizes + R);
  std::vector<std::string> texts(static_cast<size_t>(R));
  if (most == 0) return texts;
  at::Tensor bytes = at::zeros({most}, at::kByte);
  std::memcpy(bytes.mutable_data_ptr<uint8_t>(), own.data(), own.size());
  at::Tensor all = at::empty({R, most}, at::kByte);
  ranks.all_gather(all, bytes);
  const auto* data = reinterpret_cast<const char*>(all.const_data_ptr<uint8_t>());
  for (int64_t r = 0; r < R; ++r)
    texts[static_cast<size_t>(r)].assign(data + r * most, static_cast<size_t>(sizes[r]));
  return texts;
}

std::string text_of_first(Communicator& ranks, const std::string& own) {
  if (ranks.size() == 1) return own;
  at::Tensor length = at::zeros({1}, at::kLong);
  length.mutable_data_ptr<int64_t>()[0] = static_cast<int64_t>(own.size());
  ranks.broadcast(length, 0);
  const int64_t size = length.const_data_ptr<int64_t>()[0];
  if (size == 0) return {};
  at::Tensor bytes = at::zeros({size}, at::kByte);
  if (ranks.rank() == 0) std::memcpy(bytes.mutable_data_ptr<uint8_t>(), own.data(), own.size());
  ranks.broadcast(bytes, 0);
  return {reinterpret_cast<const char*>(bytes.const_data_ptr<uint8_t>()),
          static_cast<size_t>(size)};
}

bool any_rank(Communicator& ranks, bool own) {
  if (ranks.size() == 1) return own;
  at::Tensor flag = at::zeros({1}, at::kLong);
  flag.mutable_data_ptr<int64_t>()[0] = own ? 1 : 0;
  ranks.all_reduce(flag, ReduceOp::max);
  return flag.const_data_ptr<int64_t>()[0] != 0;
}

bool first_rank_says(Communicator& ranks, bool own) {
  if (ranks.size() == 1) return own;
  at::Tensor flag = at::zeros({1}, at::kLong);
  flag.mutable_data_ptr<int64_t>()[0] = own ? 1 : 0;
  ranks.broadcast(flag, 0);
  return flag.const_data_ptr<int64_t>()[0] != 0;
}

}  // namespace gradus::rl
