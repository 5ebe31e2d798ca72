#include "rl/learn/microbatch_record.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>

namespace gradus::rl {
namespace {

std::vector<float> floats_in(const at::Tensor& values) {
  const at::Tensor host = values.contiguous();
  const float* data = host.const_data_ptr<float>();
  return {data, data + host.numel()};
}

at::Tensor tensor_of(const std::vector<float>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<float>());
  return tensor;
}

}  // namespace

void write(const MicrobatchRecord& record, ByteWriter& out) {
  out.list(floats_in(record.scores.logprobs));
  out.list(floats_in(record.scores.entropies));
  out.list(record.prediction.sums);
  out.number(record.prediction.loss);
  out.number(record.prediction.flops);
  out.number(record.loads.size());
  for (const auto& load : record.loads) {
    out.list(load.rows);
    out.number(load.num_rows);
    out.number(load.entropy_sum);
    out.number(load.balance_loss);
    out.number(load.num_compared);
    out.number(load.num_differing);
  }
}

MicrobatchRecord read_microbatch_record(ByteReader& in) {
  MicrobatchRecord record;
  record.scores.logprobs = tensor_of(in.list<float>());
  record.scores.entropies = tensor_of(in.list<float>());
  record.prediction.sums = in.list<double>();
  record.prediction.loss = in.number<double>();
  record.prediction.flops = in.number<double>();
  const auto count = in.number<size_t>();
  for (size_t i = 0; i < count; ++i) {
    policy::ExpertLoad& load = record.loads.emplace_back();
    load.rows = in.list<int64_t>();
    load.num_rows = in.number<int64_t>();
    load.entropy_sum = in.number<double>();
    load.balance_loss = in.number<double>();
    load.num_compared = in.number<int64_t>();
    load.num_differing = in.number<int64_t>();
  }
  return record;
}

}  // namespace gradus::rl
