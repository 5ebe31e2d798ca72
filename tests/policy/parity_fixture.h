#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <filesystem>
#include <string>

#include "policy/formats/safetensors/safetensors.h"
#include "policy/policy.h"
#include "tests/support/fixtures.h"

namespace gradus::policy {

/// One folder of parity fixtures: a tiny checkpoint and what transformers computes with it.
class ParityFixture {
 public:
  explicit ParityFixture(const std::string& name) : dir_(tests::fixture("parity/" + name)) {}
  explicit ParityFixture(std::filesystem::path dir) : dir_(std::move(dir)) {}
  explicit ParityFixture(const char* name) : ParityFixture(std::string(name)) {}

  std::string name() const { return dir_.filename().string(); }
  std::filesystem::path dir() const { return dir_; }

  at::Tensor expected(const std::string& tensor, const char* file = "expected.safetensors") const {
    const auto source = SafetensorsFile::open(dir_ / file);
    const auto& info = source.info(tensor);
    const bool is_long = info.dtype == DType::I64;
    auto out = at::empty(info.shape, is_long ? at::kLong : at::kFloat);
    if (is_long) {
      source.read_raw(tensor, {static_cast<std::byte*>(out.data_ptr()), out.nbytes()});
    } else {
      source.read_f32(tensor, {out.data_ptr<float>(), static_cast<size_t>(out.numel())});
    }
    return out;
  }
  bool has(const std::string& tensor) const {
    return SafetensorsFile::open(dir_ / "expected.safetensors").find(tensor) != nullptr;
  }

  std::unique_ptr<Policy> load(ThreadTeam& team, Compute compute,
                               Precision precision = Precision::float32,
                               Purpose purpose = Purpose::training) const {
    PolicyConfig config;
    config.path = dir_.string();
    config.compute = compute;
    config.precision = precision;
    return Policy::load(config, purpose, team);
  }

  /// The fixture's rows as a packed batch, padding left out; row_of[b][t] is the packed row or -1.
  struct Packed {
    PackedBatch batch;
    std::vector<std::vector<int64_t>> row_of;
  };
  Packed pack() const {
    const auto ids = expected("input_ids");
    const auto mask = has("attention_mask") ? expected("attention_mask") : at::Tensor();
    Packed packed;
    for (int64_t b = 0; b < ids.size(0); ++b) {
      auto& rows = packed.row_of.emplace_back();
      const int64_t begin = packed.batch.num_rows();
      for (int64_t t = 0; t < ids.size(1); ++t) {
        if (mask.defined() && mask.data_ptr<int64_t>()[b * ids.size(1) + t] == 0) {
          rows.push_back(-1);
          continue;
        }
        rows.push_back(packed.batch.num_rows());
        packed.batch.positions.push_back(static_cast<int32_t>(packed.batch.num_rows() - begin));
        packed.batch.tokens.push_back(ids.data_ptr<int64_t>()[b * ids.size(1) + t]);
      }
      packed.batch.segments.push_back({begin, packed.batch.num_rows() - begin, -1});
    }
    return packed;
  }

 private:
  std::filesystem::path dir_;
};

}  // namespace gradus::policy
