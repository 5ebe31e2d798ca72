#include "policy/weights/adapter_files.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"

namespace gradus::policy {
namespace {

constexpr size_t kMaxConfigBytes = 1 << 20;

LoraConfig read_config(const std::filesystem::path& path) {
  const auto json = read_json(path, kMaxConfigBytes);
  const auto fail = [&](const std::string& what) {
    return FileError(path.string(), "bad_adapter_config", what);
  };
  if (json.value("peft_type", "") != "LORA")
    throw fail("peft_type is not LORA; only LoRA adapters can be read");
  for (const char* key : {"use_dora", "use_rslora", "fan_in_fan_out"}) {
    if (json.contains(key) && json[key] == true)
      throw fail(std::string(key) + " is set, which is not supported");
  }
  LoraConfig config;
  if (!json.contains("r") || !json["r"].is_number_integer() || json["r"].get<int64_t>() < 1 ||
      json["r"].get<int64_t>() > 65536) {
    throw fail("r: must be a whole number from 1 to 65536");
  }
  config.rank = json["r"].get<int>();
  config.alpha = json.value("lora_alpha", static_cast<double>(config.rank));
  const auto targets = json.value("target_modules", nlohmann::json());
  if (!targets.is_array() || targets.empty())
    throw fail("target_modules: must be a list of layer names");
  config.targets.clear();
  for (const auto& target : targets) {
    if (!target.is_string()) throw fail("target_modules: must be a list of layer names");
    config.targets.push_back(target.get<std::string>());
  }
  return config;
}

}  // namespace

AdapterFile::AdapterFile(const std::filesystem::path& dir)
    : config_(read_config(dir / "adapter_config.json")),
      tensors_(SafetensorsFile::open(dir / "adapter_model.safetensors")) {}

void AdapterFile::configure(LoraConfig& config) const {
  config.rank = config_.rank;
  config.alpha = config_.alpha;
  config.targets = config_.targets;
}

void AdapterFile::read(const std::string& name, const std::vector<int64_t>& shape,
                       std::span<float> out) const {
  const auto& info = tensors_.info(name);
  if (info.shape != shape) {
    throw FileError(
        tensors_.path().string(), "tensor_mismatch",
        name + " is " + shape_text(info.shape) + ", the base needs " + shape_text(shape));
  }
  tensors_.read_f32(name, out);
  check_finite(tensors_.path().string(), name, out);
}

nlohmann::json adapter_config_json(const LoraConfig& config, const std::string& base_path) {
  return {{"peft_type", "LORA"},
          {"task_type", "CAUSAL_LM"},
          {"base_model_name_or_path", base_path},
          {"r", config.rank},
          {"lora_alpha", config.alpha},
          {"lora_dropout", 0.0},
          {"target_modules", config.targets},
          {"bias", "none"},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"use_dora", false},
          {"use_rslora", false}};
}

}  // namespace gradus::policy
