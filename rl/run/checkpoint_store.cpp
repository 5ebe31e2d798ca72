#include "rl/run/checkpoint_store.h"

#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "policy/formats/safetensors/safetensors.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "rl/run/file_sum.h"
#include "rl/run/run_directory.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFormat = "gradus-checkpoint-1";
constexpr const char* kWeights = "weights.safetensors";
constexpr const char* kMoments = "optimizer.safetensors";
constexpr const char* kState = "state.json";
constexpr const char* kManifest = "manifest.json";
constexpr const char* kTemporary = ".tmp-";
constexpr const char* kDamaged = "damaged-";
constexpr const char* kEver = ".had-checkpoint";  // beside the folder, which people delete
constexpr int64_t kMaxJsonBytes = int64_t{64} << 20;

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

std::pair<TrainState, int64_t> read_state_file(const fs::path& path) {
  return read_state(read_file(path, kMaxJsonBytes), path.string());
}

/// Parameters, and what training moves by rule.
NamedTensors trained_weights(policy::Policy& policy) {
  NamedTensors tensors;
  for (const auto& parameter : policy.parameters())
    tensors.emplace_back(parameter.name, parameter.value);
  for (const auto& buffer : policy.buffers()) tensors.emplace_back(buffer.name, buffer.value);
  return tensors;
}

/// The tensor as a file holds it: floats, or the codes of an 8-bit optimizer.
/// @param host  on the CPU, contiguous; outlives what is returned.
policy::RawTensor raw_tensor(const std::string& name, const at::Tensor& host) {
  if (host.scalar_type() == at::kByte) {
    return {name, policy::DType::U8, host.sizes().vec(),
            [&host](uint64_t offset, std::span<std::byte> out) {
              std::memcpy(out.data(), host.const_data_ptr<uint8_t>() + offset, out.size());
            }};
  }
  // Refuses NaN and infinity: a checkpoint never holds them.
  return policy::narrow(
      policy::float_tensor(name, host.sizes().vec(),
                           {host.const_data_ptr<float>(), static_cast<size_t>(host.numel())}),
      policy::DType::F32);
}

void write_tensors(const fs::path& path, const NamedTensors& tensors) {
  std::vector<at::Tensor> hosts;  // copies of what lives elsewhere, until the file is written
  hosts.reserve(tensors.size());
  std::vector<policy::RawTensor> raw;
  for (const auto& [name, tensor] : tensors) {
    raw.push_back(raw_tensor(name, hosts.emplace_back(tensor.cpu().contiguous())));
  }
  policy::write_safetensors(path, std::move(raw), {{"format", "pt"}});
}

std::span<float> floats_of(at::Tensor& tensor) {
  return {tensor.mutable_data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

void read_tensor(const policy::SafetensorsFile& file, const std::string& name, at::Tensor& target) {
  const auto* info = file.find(name);
  if (info == nullptr || info->shape != target.sizes().vec())
    throw FileError(
        file.path().string(), "other_model",
        fmt::format("{} is {}, the model has {}; the checkpoint belongs to another model", name,
                    info == nullptr ? "missing" : policy::shape_text(info->shape),
                    policy::shape_text(target.sizes().vec())));
  at::Tensor host =
      target.is_cpu() && target.is_contiguous()
          ? target
          : at::empty(target.sizes(), at::TensorOptions().dtype(target.scalar_type()));
  if (host.scalar_type() == at::kByte) {
    if (info->dtype != policy::DType::U8)
      throw FileError(file.path().string(), "other_model",
                      fmt::format("{} is {}, must be U8", name, policy::dtype_name(info->dtype)));
    file.read_raw(name, {static_cast<std::byte*>(host.mutable_data_ptr()), host.nbytes()});
  } else {
    file.read_f32(name, floats_of(host));
  }
  if (!host.is_same(target)) target.copy_(host);
}

void read_weights(const fs::path& path, Learner& learner) {
  const auto file = policy::SafetensorsFile::open(path);
  NamedTensors weights = trained_weights(learner.policy());
  if (file.tensors().size() != weights.size())
    throw FileError(path.string(), "other_model",
                    fmt::format("holds {} tensors, the model trains {}; the checkpoint belongs to "
                                "another model",
                                file.tensors().size(), weights.size()));
  for (auto& [name, tensor] : weights) read_tensor(file, name, tensor);
  learner.policy().publish_weights(learner.team());
}

void read_moments(const fs::path& path, Optimizer& optimizer, int64_t step_count) {
  const auto file = policy::SafetensorsFile::open(path);
  std::map<std::string, at::Tensor> moments;
  for (const auto& [name, like] : optimizer.state_tensors()) {
    at::Tensor tensor = at::empty(like.sizes(), at::TensorOptions().dtype(like.scalar_type()));
    read_tensor(file, name, tensor);
    moments[name] = like.is_cpu() ? tensor : tensor.to(like.device());
  }
  optimizer.load_state(moments, step_count);
}

void write_manifest(const fs::path& folder, int64_t step) {
  json files = json::object();
  for (const char* name : {kWeights, kMoments, kState}) {
    if (!fs::exists(folder / name)) continue;  // a stage without a learner
    const FileSum sum = sum_of_file(folder / name);
    files[name] = {{"bytes", sum.num_bytes}, {"crc64", sum.crc64}};
  }
  const json manifest{{"format", kFormat}, {"step", step}, {"files", files}};
  write_file_atomically(folder / kManifest, manifest.dump(2));
}

void rename_folder(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    throw_file_error(to, "rename_failed", "cannot be put in place", errno);
}

// Left under its name, it would count as one of the newest when older ones are removed.
void set_aside(const fs::path& folder) {
  const fs::path aside = folder.parent_path() / (kDamaged + folder.filename().string());
  fs::remove_all(aside);
  rename_folder(folder, aside);
}

}  // namespace

CheckpointStore::CheckpointStore(fs::path folder, Warn warn)
    : folder_(std::move(folder)), warn_(std::move(warn)) {
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().filename().string().starts_with(kTemporary)) remove(entry.path());
}

// What is left over costs space, and no run ends for that.
void CheckpointStore::remove(const fs::path& path) const {
  std::error_code error;
  fs::remove_all(path, error);
  if (error)
    warn_(fmt::format("{}: cannot be removed: {}; it takes space until it is", path.string(),
                      error.message()));
}

void CheckpointStore::save(const TrainState& state, Learner* learner, const NamedTensors* moments) {
  const fs::path temporary = folder_ / (kTemporary + step_name(state.step));
  try {
    write(state, learner, moments);
  } catch (const fs::filesystem_error& error) {  // no Error of ours: a run would not survive it
    remove(temporary);
    throw FileError(error.path1().string(), "write_failed", error.code().message());
  } catch (...) {
    remove(temporary);  // at once: the rest of the run needs the space
    throw;
  }
}

void CheckpointStore::write(const TrainState& state, Learner* learner,
                            const NamedTensors* moments) const {
  const fs::path temporary = folder_ / (kTemporary + step_name(state.step));
  fs::remove_all(temporary);
  fs::create_directory(temporary);
  if (learner != nullptr) {
    write_tensors(temporary / kWeights, trained_weights(learner->policy()));
    write_tensors(temporary / kMoments,
                  moments != nullptr ? *moments : learner->optimizer().state_tensors());
  }
  write_file_atomically(
      temporary / kState,
      state_text(state, learner == nullptr ? 0 : learner->optimizer().step_count()));
  write_manifest(temporary, state.step);
  sync_tree(temporary);
  put_in_place(temporary, state.step);
  const fs::path ever = folder_.parent_path() / kEver;
  if (!fs::exists(ever)) write_file_atomically(ever, "");
}

void CheckpointStore::put_in_place(const fs::path& temporary, int64_t step) const {
  // A damaged checkpoint of this step, or one that was written when the run was stopped here.
  const fs::path target = path_of(step);
  const fs::path replaced = folder_ / (kTemporary + ("replaced-" + step_name(step)));
  const bool was_there = fs::exists(target);
  if (was_there) rename_folder(target, replaced);
  try {
    rename_folder(temporary, target);
  } catch (const FileError&) {
    if (was_there) rename_folder(replaced, target);
    throw;
  }
  sync_folder_of(target);
  if (was_there) remove(replaced);
}

bool CheckpointStore::was_ever_written() const {
  if (fs::exists(folder_.parent_path() / kEver)) return true;
  for (const auto& entry : fs::directory_iterator(folder_))
    if (entry.path().filename().string().starts_with(kDamaged)) return true;
  return false;
}

std::optional<TrainState> CheckpointStore::load_newest(Learner* learner, bool may_begin_anew) {
  std::vector<int64_t> candidates = steps();
  std::ranges::reverse(candidates);
  std::vector<fs::path> damaged;
  std::optional<TrainState> loaded;
  for (const int64_t step : candidates) {
    const fs::path folder = path_of(step);
    try {
      verify_checkpoint(folder);
    } catch (const FileError& error) {
      if (!is_damage(error))
        throw FileError(error.path(), error.kind(),
                        std::string(error.what()).substr(error.path().size() + 2) +
                            ". The checkpoint is not damaged and stays; resume when it can be "
                            "read");
      warn_(fmt::format("checkpoint passed over, it is damaged: {}", error.what()));
      damaged.push_back(folder);
      continue;
    }
    const auto [state, optimizer_steps] = read_state_file(folder / kState);
    if (learner != nullptr) {
      read_weights(folder / kWeights, *learner);
      if (learner->optimizer().is_shared())
        learner->optimizer().set_step_count(optimizer_steps);
      else
        read_moments(folder / kMoments, learner->optimizer(), optimizer_steps);
    }
    loaded = state;
    break;
  }
  if (!loaded && !may_begin_anew && (!damaged.empty() || was_ever_written()))
    throw FileError(folder_.string(), "no_checkpoint",
                    "the run had checkpoints, and none is left that is whole. To train it again "
                    "from its first step, which removes what it has logged so far, resume it with "
                    "--begin-anew");
  for (const fs::path& folder : damaged) set_aside(folder);
  return loaded;
}

std::function<void(const std::string&, at::Tensor&)> CheckpointStore::moments_of(
    int64_t step) const {
  auto file = std::make_shared<policy::SafetensorsFile>(
      policy::SafetensorsFile::open(path_of(step) / kMoments));
  return [file](const std::string& name, at::Tensor& moment) { read_tensor(*file, name, moment); };
}

void CheckpointStore::load_weights(int64_t step, Learner& learner) const {
  verify_checkpoint(path_of(step));
  read_weights(path_of(step) / kWeights, learner);
}

int CheckpointStore::prune(int keep, int64_t best_step) const {
  int num_removed = 0;
  // Renamed first: a kill in the middle of the removal leaves no folder that looks complete.
  const auto remove_one = [&](int64_t step) {
    const fs::path doomed = folder_ / (kTemporary + ("old-" + step_name(step)));
    try {
      rename_folder(path_of(step), doomed);
    } catch (const FileError& error) {
      warn_(fmt::format("an old checkpoint cannot be removed: {}", error.what()));
      return;
    }
    remove(doomed);
    ++num_removed;
  };
  try {
    const std::vector<int64_t> all = steps();
    const size_t num_old = all.size() - std::min(all.size(), static_cast<size_t>(keep));
    for (size_t i = 0; i < num_old; ++i)
      if (all[i] != best_step) remove_one(all[i]);
  } catch (const fs::filesystem_error& error) {
    warn_(fmt::format("old checkpoints cannot be listed, and are kept: {}", error.what()));
  }
  return num_removed;
}

bool CheckpointStore::has(int64_t step) const {
  return fs::exists(path_of(step));
}

std::vector<int64_t> CheckpointStore::steps() const {
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const int64_t step = step_of_name(entry.path().filename().string());
    if (step >= 0) steps.push_back(step);
  }
  std::ranges::sort(steps);
  return steps;
}

fs::path CheckpointStore::path_of(int64_t step) const {
  return folder_ / step_name(step);
}

void verify_checkpoint(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  const json manifest = read_json(path, kMaxJsonBytes);
  try {
    if (manifest.at("format") != kFormat)
      throw FileError(path.string(), "bad_state", "is of an unknown format");
    const auto step = step_of_name(folder.filename().string());
    if (step >= 0 && manifest.at("step").get<int64_t>() != step)
      throw FileError(path.string(), "bad_state", "is of another step than its folder's name says");
    for (const char* name : {kWeights, kMoments, kState}) {
      const bool may_be_absent = name != kState && !fs::exists(folder / name);
      if (may_be_absent && !manifest.at("files").contains(name)) continue;
      const json& expected = manifest.at("files").at(name);
      const FileSum sum = sum_of_file(folder / name);
      if (sum.num_bytes != expected.at("bytes").get<int64_t>())
        throw FileError((folder / name).string(), "checkpoint_truncated",
                        fmt::format("holds {} bytes, its manifest says {}", sum.num_bytes,
                                    expected.at("bytes").get<int64_t>()));
      if (sum.crc64 != expected.at("crc64").get<std::string>())
        throw FileError((folder / name).string(), "checksum_mismatch",
                        "does not match its manifest's checksum");
    }
    if (const auto state = read_state_file(folder / kState).first; step >= 0 && state.step != step)
      throw FileError((folder / kState).string(), "bad_state",
                      fmt::format("is of step {}, its folder of step {}", state.step, step));
  } catch (const json::exception& error) {
    throw FileError(path.string(), "bad_state", error.what());
  }
}

bool is_damage(const FileError& error) {
  constexpr std::array kKinds{"missing",   "checkpoint_truncated", "checksum_mismatch",
                              "bad_state", "not_a_file",           "invalid_json",
                              "too_large"};
  return std::ranges::find(kKinds, error.kind()) != kKinds.end();
}

}  // namespace gradus::rl
