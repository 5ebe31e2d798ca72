#include "policy/weights/peft/adapter_file.h"

#include "base/error.h"
#include "base/files/contained_file.h"
#include "policy/formats/expected_tensors.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;

SafetensorsFile open_adapter_tensors(const fs::path& dir) {
  const fs::path file = dir / "adapter_model.safetensors";
  std::error_code ignored;
  if (!fs::exists(file, ignored) && fs::exists(dir / "adapter_model.bin", ignored)) {
    throw FileError((dir / "adapter_model.bin").string(), "pickle_refused",
                    "is a Python pickle, which can run code when it is loaded; load the adapter "
                    "with PEFT where you trust it and save it as safetensors");
  }
  check_stays_inside(file);
  SafetensorsFile tensors = SafetensorsFile::open(file);
  for (const TensorInfo& info : tensors.tensors()) check_floating(info, file.string());
  return tensors;
}

}  // namespace

AdapterFile::AdapterFile(const fs::path& dir)
    : config_(read_adapter_config(dir / "adapter_config.json")),
      tensors_(open_adapter_tensors(dir)) {}

void AdapterFile::read(const std::string& name, const std::vector<int64_t>& shape,
                       std::span<float> out) const {
  const auto& info = tensors_.info(name);
  if (info.shape != shape) {
    throw FileError(
        path(), "tensor_mismatch",
        name + " is " + shape_text(info.shape) + ", the base needs " + shape_text(shape));
  }
  tensors_.read_f32(name, out);
  check_finite(path(), name, out);
}

}  // namespace gradus::policy
