#include "policy/adapter_merge.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "policy/formats/expected_tensors.h"
#include "policy/formats/hf/hf_writer.h"
#include "policy/model/companions.h"
#include "policy/weights/peft/adapted_checkpoint.h"

namespace gradus::policy {
namespace {

/// Reads tensors piece by piece, holding the last one.
class LastTensor {
 public:
  explicit LastTensor(std::shared_ptr<const CheckpointSource> source)
      : source_(std::move(source)) {}

  void read(const std::string& name, int64_t first, std::span<float> out) {
    if (name != name_) {
      name_.clear();
      values_.resize(source_->info(name).num_elements);
      source_->read_f32(name, values_);
      name_ = name;
    }
    std::copy_n(values_.data() + first, out.size(), out.data());
  }

 private:
  std::shared_ptr<const CheckpointSource> source_;
  std::string name_;
  std::vector<float> values_;
};

}  // namespace

void merge_adapter(const std::filesystem::path& base, const std::filesystem::path& adapter,
                   const std::filesystem::path& out) {
  PolicyConfig config;
  config.path = base.string();
  config.lora.path = adapter.string();
  const auto source = open_policy_checkpoint(config, LiveProducts::none).source;
  const ModelConfig model = load_model_config(*source);
  check_tensors(model, *source);
  HfCheckpoint merged;
  merged.config = model.raw;
  merged.dtype = DType::F32;
  add_companions(merged, *source, adapter);
  const auto last = std::make_shared<LastTensor>(source);
  for (const TensorSpec& spec : expected_tensors(model)) {
    merged.tensors.push_back(
        {spec.name, spec.shape, [last, name = spec.name](int64_t first, std::span<float> values) {
           last->read(name, first, values);
         }});
  }
  write_hf_checkpoint(out, merged);
}

}  // namespace gradus::policy
