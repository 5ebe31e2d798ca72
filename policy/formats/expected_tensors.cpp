#include "policy/formats/expected_tensors.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/printable.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/families/family.h"

namespace gradus::policy {
namespace {

bool is_derived(const ModelConfig& config, const std::string& name) {
  return (config.tie_word_embeddings && name == "lm_head.weight") ||
         name.ends_with("rotary_emb.inv_freq");
}

void append_lines(std::string& text, const char* title, const std::vector<std::string>& lines,
                  size_t& room) {
  for (const std::string& line : lines) {
    if (room == 0) return;
    --room;
    text += fmt::format("\n  {}: {}", title, line);
  }
}

}  // namespace

std::vector<TensorSpec> expected_tensors(const ModelConfig& config) {
  std::vector<TensorSpec> tensors;
  family_of(config).append_tensors(config, tensors);
  return tensors;
}

std::string TensorReport::text(size_t max_names) const {
  const size_t count = missing.size() + extra.size() + misshaped.size();
  std::string text = fmt::format("{} tensors missing, {} unexpected, {} of another shape",
                                 missing.size(), extra.size(), misshaped.size());
  size_t room = max_names;
  append_lines(text, "missing", missing, room);
  append_lines(text, "shape", misshaped, room);
  append_lines(text, "unexpected", extra, room);
  if (count > max_names) text += fmt::format("\n  and {} more", count - max_names);
  return text;
}

TensorReport compare_tensors(const ModelConfig& config,
                             const std::map<std::string, TensorInfo>& tensors) {
  TensorReport report;
  std::set<std::string> expected;
  for (const TensorSpec& spec : expected_tensors(config)) {
    expected.insert(spec.name);
    const auto it = tensors.find(spec.name);
    if (it == tensors.end()) {
      const char* hint = spec.role == TensorRole::head ? " (tie_word_embeddings is false)" : "";
      report.missing.push_back(fmt::format("{} {}{}", spec.name, shape_text(spec.shape), hint));
    } else if (it->second.shape != spec.shape) {
      report.misshaped.push_back(fmt::format("{} is {}, the config makes it {}", spec.name,
                                             shape_text(it->second.shape), shape_text(spec.shape)));
    }
  }
  for (const auto& [name, info] : tensors) {
    if (expected.count(name) > 0 || is_derived(config, name)) continue;
    report.extra.push_back(fmt::format("{} {}", printable(name, 200), shape_text(info.shape)));
  }
  return report;
}

void check_tensors(const ModelConfig& config, const CheckpointSource& source) {
  const TensorReport report = compare_tensors(config, source.tensors());
  if (report.ok()) return;
  throw FileError(source.path().string(), "tensor_mismatch",
                  "the weights do not fit " + source.config_path() + ": " + report.text());
}

ParameterCount count_parameters(const ModelConfig& config) {
  ParameterCount count;
  for (const TensorSpec& spec : expected_tensors(config)) {
    const auto elements = static_cast<int64_t>(shape_elements(spec.shape).value_or(0));
    count.total += elements;
    count.active += elements;
    if (spec.role == TensorRole::embedding || spec.role == TensorRole::head) {
      count.embedding += elements;
    }
  }
  return count;
}

int64_t kv_bytes_per_token(const ModelConfig& config, DType cache_dtype) {
  const auto numbers_per_layer = 2 * config.num_kv_heads * config.head_dim;
  return config.num_layers * numbers_per_layer *
         static_cast<int64_t>(dtype_block_bytes(cache_dtype));
}

}  // namespace gradus::policy
