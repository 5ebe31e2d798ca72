#include "policy/formats/hf/hf_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/files/contained_file.h"
#include "base/json.h"
#include "base/printable.h"
#include "policy/formats/config_fields.h"
#include "policy/formats/float_bits.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kMaxIndexBytes = int64_t{128} << 20;

// An entry that may not be examined counts as absent.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

using WeightMap = std::map<std::string, std::string>;

WeightMap read_weight_map(const nlohmann::json& index, const std::string& path) {
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object() || map->empty()) {
    throw FileError(path, "bad_index", "has no weight_map from tensors to files");
  }
  WeightMap result;
  for (const auto& [tensor, file] : map->items()) {
    if (!file.is_string()) {
      throw FileError(
          path, "bad_index",
          fmt::format("weight_map gives no file name for \"{}\"", printable(tensor, 200)));
    }
    result[tensor] = file.get<std::string>();
  }
  return result;
}

void check_shard_name(const std::string& name, const std::string& index_path) {
  const bool is_plain = !name.empty() && name != "." && name != ".." &&
                        name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos &&
                        name.ends_with(".safetensors");
  if (is_plain) return;
  throw FileError(index_path, "bad_shard_name",
                  fmt::format("\"{}\" is not the name of a .safetensors file beside the index",
                              printable(name, 200)));
}

}  // namespace

HfSource::HfSource(fs::path directory)
    : directory_(std::move(directory)), config_path_((directory_ / "config.json").string()) {
  if (!is_there(config_path_)) {
    throw FileError(directory_.string(), "config_missing",
                    "has weights but no config.json, which says what model they are of");
  }
  check_stays_inside(config_path_);
  config_ = read_json(config_path_);
  const fs::path generation = directory_ / "generation_config.json";
  if (!is_there(generation)) return;
  check_stays_inside(generation);
  generation_config_ = read_json(generation);
}

std::unique_ptr<HfSource> HfSource::open_single(const fs::path& file) {
  const fs::path directory = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  check_stays_inside(file);
  std::unique_ptr<HfSource> source(new HfSource(directory));
  source->files_.push_back(SafetensorsFile::open(file));
  for (const TensorInfo& info : source->files_.front().tensors()) {
    source->tensors_.emplace(info.name, info);
    source->file_index_.emplace(info.name, 0);
  }
  source->pair_scales();
  return source;
}

std::unique_ptr<HfSource> HfSource::open_sharded(const fs::path& index_path) {
  const fs::path directory =
      index_path.parent_path().empty() ? fs::path(".") : index_path.parent_path();
  const std::string where = index_path.string();
  check_stays_inside(index_path);
  const nlohmann::json index = read_json(index_path, kMaxIndexBytes);
  const WeightMap weight_map = read_weight_map(index, where);
  std::set<std::string> files;
  for (const auto& [tensor, file] : weight_map) {
    if (files.insert(file).second) check_shard_name(file, where);
  }
  for (const std::string& file : files) {
    if (is_there(directory / file)) continue;
    throw FileError((directory / file).string(), "shard_missing",
                    fmt::format("is listed in {} but is not there; download it again",
                                index_path.filename().string()));
  }
  std::unique_ptr<HfSource> source(new HfSource(directory));
  for (const std::string& file : files) {
    check_stays_inside(directory / file);
    source->add_shard(file, weight_map);
  }
  source->check_total_size(index);
  source->pair_scales();
  return source;
}

void HfSource::add_shard(const std::string& file, const WeightMap& weight_map) {
  files_.push_back(SafetensorsFile::open(directory_ / file));
  for (const TensorInfo& info : files_.back().tensors()) {
    const auto listed = weight_map.find(info.name);
    if (listed == weight_map.end()) {
      warnings_.push_back(fmt::format("{}: tensor \"{}\" is not in the index and is left out", file,
                                      printable(info.name, 200)));
    } else if (listed->second == file) {
      tensors_.emplace(info.name, info);
      file_index_.emplace(info.name, files_.size() - 1);
    }
  }
  for (const auto& [tensor, mapped] : weight_map) {
    if (mapped != file || files_.back().find(tensor) != nullptr) continue;
    throw FileError((directory_ / file).string(), "tensor_missing",
                    fmt::format("the index places \"{}\" here, but it is not in the file",
                                printable(tensor, 200)));
  }
}

// Advisory in the format: conversions leave old sums behind.
void HfSource::check_total_size(const nlohmann::json& index) {
  const auto metadata = index.find("metadata");
  if (metadata == index.end() || !metadata->is_object() || !metadata->contains("total_size")) {
    return;
  }
  uint64_t actual = 0;
  for (const auto& [name, info] : tensors_) actual += info.num_bytes;
  if ((*metadata)["total_size"] == actual) return;
  warnings_.push_back(fmt::format("the index gives total_size {}, its tensors have {} bytes",
                                  printable((*metadata)["total_size"].dump(), 80), actual));
}

void HfSource::pair_scales() {
  fp8_ = read_fp8_format(ConfigFields(config_, config_path_));
  std::vector<std::string> names;
  for (const auto& [name, info] : tensors_) {
    if (name.ends_with(kFp8ScaleEnding)) names.push_back(name);
  }
  for (const std::string& name : names) {
    check_scales(tensors_.at(name));
    scaled_.insert(name.substr(0, name.size() - kFp8ScaleEnding.size()));
    tensors_.erase(name);
  }
  if (!fp8_) return;
  for (const auto& [name, info] : tensors_) {
    const bool is_fp8 = info.dtype == DType::F8_E4M3 || info.dtype == DType::F8_E5M2;
    if (!is_fp8 || scaled_.count(name) > 0) continue;
    throw FileError(file_of(info), "scales_missing",
                    fmt::format("\"{}\" is {} and quantization_config is set, but there is no "
                                "\"{}{}\"",
                                printable(name, 200), dtype_name(info.dtype), printable(name, 200),
                                kFp8ScaleEnding));
  }
}

void HfSource::check_scales(const TensorInfo& scales) const {
  const std::string name = printable(scales.name, 200);
  const auto refuse = [&](const std::string& what) {
    throw FileError(file_of(scales), "bad_scales", fmt::format("\"{}\" {}", name, what));
  };
  if (!fp8_) {
    throw FileError(config_path_, "bad_config",
                    fmt::format("quantization_config: is missing, but there are scales of FP8 "
                                "weights: \"{}\"",
                                name));
  }
  const auto weight =
      tensors_.find(scales.name.substr(0, scales.name.size() - kFp8ScaleEnding.size()));
  if (weight == tensors_.end()) refuse("has no weight of its name without _scale_inv");
  const TensorInfo& info = weight->second;
  if (info.dtype != DType::F8_E4M3 || info.shape.size() != 2) {
    refuse(fmt::format("scales a tensor of dtype {} and shape {}, must be a matrix of F8_E4M3",
                       dtype_name(info.dtype), shape_text(info.shape)));
  }
  const bool has_powers =
      ConfigFields(config_, config_path_).object("quantization_config").text_or("scale_fmt", "") ==
      "ue8m0";
  if (scales.dtype != DType::F32 && scales.dtype != DType::BF16 &&
      !(scales.dtype == DType::F8_E8M0 && has_powers)) {
    refuse(fmt::format("is {}, must be F32", dtype_name(scales.dtype)));
  }
  const std::vector<int64_t> expected = fp8_scale_shape(*fp8_, info.shape);
  if (scales.shape == expected) return;
  refuse(fmt::format("is {}, must be {}: one scale per block of {} x {} of {}",
                     shape_text(scales.shape), shape_text(expected), fp8_->block_rows,
                     fp8_->block_columns, shape_text(info.shape)));
}

std::vector<float> HfSource::read_scales(const std::string& name) const {
  const SafetensorsFile& file = files_[file_index_.find(name)->second];
  std::vector<float> scales(file.info(name).num_elements);
  file.read_f32(name, scales);
  const auto bad = std::find_if(scales.begin(), scales.end(),
                                [](float s) { return !(s > 0.0F && is_finite_bits(s)); });
  if (bad == scales.end()) return scales;
  throw FileError(file.path().string(), "bad_scales",
                  fmt::format("\"{}\": scale {} is {}, must be finite and positive",
                              printable(name, 200), bad - scales.begin(), *bad));
}

void HfSource::read_values(const TensorInfo& info, std::span<float> out) const {
  files_[file_index_.find(info.name)->second].read_f32(info.name, out);
  if (scaled_.count(info.name) == 0) return;
  const auto scales = read_scales(info.name + std::string(kFp8ScaleEnding));
  apply_fp8_scales(*fp8_, 0, info.shape[1], scales, out);
}

std::string HfSource::file_of(const TensorInfo& info) const {
  return files_[file_index_.find(info.name)->second].path().string();
}

}  // namespace gradus::policy
