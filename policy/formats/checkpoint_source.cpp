#include "policy/formats/checkpoint_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/files/contained_file.h"
#include "base/printable.h"
#include "policy/formats/checkpoint_name.h"
#include "policy/formats/gguf/gguf_source.h"
#include "policy/formats/hf/hf_source.h"

namespace gradus::policy {
namespace {

namespace fs = std::filesystem;
constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

bool is_pickle(const fs::path& path) {
  constexpr std::array<std::string_view, 6> kEndings{".bin",  ".pt",  ".pth",
                                                     ".ckpt", ".pkl", ".pickle"};
  const std::string ending = path.extension().string();
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

[[noreturn]] void refuse_pickle(const fs::path& path) {
  throw FileError(path.string(), "pickle_refused",
                  "is a Python pickle, which can run code when it is loaded, so Gradus reads only "
                  "safetensors and GGUF. Convert it where you trust it: in Python, "
                  "AutoModelForCausalLM.from_pretrained(old).save_pretrained(new)");
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> entries;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    entries.push_back(it->path());
  }
  if (error) throw FileError(directory.string(), "open_failed", error.message());
  std::sort(entries.begin(), entries.end());
  return entries;
}

[[noreturn]] void refuse_directory(const fs::path& directory,
                                   const std::vector<fs::path>& entries) {
  for (const fs::path& entry : entries) {
    if (is_pickle(entry)) refuse_pickle(entry);
  }
  constexpr size_t kMaxNames = 20;
  std::vector<std::string> names;
  for (const fs::path& entry : entries) {
    if (names.size() == kMaxNames) break;
    names.push_back(printable(entry.filename().string(), 100));
  }
  throw FileError(directory.string(), "no_weights",
                  fmt::format("holds no {}, {} or .gguf file; there is: {}{}", kSingle, kIndex,
                              names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", ")),
                              entries.size() > kMaxNames ? ", ..." : ""));
}

std::unique_ptr<CheckpointSource> open_directory(const fs::path& directory) {
  // As transformers does: the single file wins.
  std::error_code ignored;
  if (fs::exists(directory / kSingle, ignored)) return HfSource::open_single(directory / kSingle);
  if (fs::exists(directory / kIndex, ignored)) return HfSource::open_sharded(directory / kIndex);
  const std::vector<fs::path> entries = entries_of(directory);
  std::vector<fs::path> ggufs;
  std::copy_if(entries.begin(), entries.end(), std::back_inserter(ggufs),
               [](const fs::path& entry) { return entry.extension() == ".gguf"; });
  if (ggufs.size() > 1) {
    throw FileError(directory.string(), "ambiguous_weights",
                    fmt::format("holds {} .gguf files; name one of them, e.g. {}", ggufs.size(),
                                ggufs.front().string()));
  }
  if (ggufs.empty()) refuse_directory(directory, entries);
  check_stays_inside(ggufs.front());
  return GgufSource::open(ggufs.front());
}

}  // namespace

const TensorInfo& CheckpointSource::info(std::string_view name) const {
  const auto it = tensors().find(std::string(name));
  if (it != tensors().end()) return it->second;
  throw FileError(path().string(), "tensor_missing", fmt::format("has no tensor \"{}\"", name));
}

void CheckpointSource::read_f32(std::string_view name, std::span<float> out,
                                NonFinite nonfinite) const {
  const TensorInfo& tensor = info(name);
  if (out.size() != tensor.num_elements) {
    throw ArgumentError(fmt::format("{} has {} elements, the caller gave room for {}", tensor.name,
                                    tensor.num_elements, out.size()));
  }
  read_values(tensor, out);
  if (nonfinite == NonFinite::refuse) check_finite(file_of(tensor), tensor.name, out);
}

bool CheckpointSource::are_equal(std::string_view left, std::string_view right) const {
  if (info(left).shape != info(right).shape) return false;
  std::vector<float> one(info(left).num_elements);
  std::vector<float> other(one.size());
  read_f32(left, one, NonFinite::allow);
  read_f32(right, other, NonFinite::allow);
  return std::ranges::equal(std::as_bytes(std::span(one)), std::as_bytes(std::span(other)));
}

std::unique_ptr<CheckpointSource> open_checkpoint(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return open_directory(path);
  if (!fs::exists(path, error)) {
    throw FileError(
        path.string(), "missing",
        "there is no such file or directory" + missing_checkpoint_advice(path.string()));
  }
  if (is_pickle(path)) refuse_pickle(path);
  if (path.filename().string().ends_with(".index.json")) return HfSource::open_sharded(path);
  if (path.extension() == ".safetensors") return HfSource::open_single(path);
  return GgufSource::open(path);
}

}  // namespace gradus::policy
