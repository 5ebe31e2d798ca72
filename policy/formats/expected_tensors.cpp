#include "policy/formats/expected_tensors.h"

#include <fmt/format.h>

#include <map>

#include "base/error.h"
#include "base/printable.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/hf/score_head_name.h"
#include "policy/formats/hf/shared_copies.h"
#include "policy/formats/layer_tensors.h"
#include "policy/formats/model_config.h"
#include "policy/formats/tensor_names.h"

namespace gradus::policy {
namespace {

bool is_derived(const ModelConfig& config, const std::string& name) {
  return (config.tie_word_embeddings && name == tensor_name(config, TensorRole::head)) ||
         name.ends_with("rotary_emb.inv_freq");
}

TensorSpec spec_of(const LayerTensor& tensor, int64_t layer, int64_t expert) {
  return {
      tensor_name(tensor, layer, expert), tensor.shape, tensor.role, layer, tensor.is_bias, expert};
}

void append_layer(const ModelConfig& config, int64_t layer, std::vector<TensorSpec>& tensors) {
  const std::vector<LayerTensor> list = layer_tensors(config, layer);
  for (size_t i = 0; i < list.size();) {
    size_t end = i + 1;
    if (!list[i].is_expert) {
      tensors.push_back(spec_of(list[i], layer, -1));
    } else {  // an expert's matrices lie together
      while (end < list.size() && list[end].is_expert) ++end;
      for (int64_t e = 0; e < list[i].count; ++e) {
        for (size_t k = i; k < end; ++k) tensors.push_back(spec_of(list[k], layer, e));
      }
    }
    i = end;
  }
}

void append_lines(std::string& text, const char* title, const std::vector<std::string>& lines,
                  size_t& room) {
  for (const std::string& line : lines) {
    if (room == 0) return;
    --room;
    text += fmt::format("\n  {}: {}", title, line);
  }
}

/// So that byte counts of 32 bytes a parameter fit into 63 bits.
constexpr int64_t kMostParameters = int64_t{1} << 57;

/// Sizes from a config alone may be anybody's: overflow is found, not wrapped.
class Sum {
 public:
  void add(int64_t elements, int64_t times = 1, int64_t layers = 1) {
    int64_t product = 0;
    overflowed_ |= __builtin_mul_overflow(elements, times, &product) ||
                   __builtin_mul_overflow(product, layers, &product) ||
                   __builtin_add_overflow(sum_, product, &sum_);
  }
  int64_t value(const ModelConfig& config) const {
    if (!overflowed_ && sum_ <= kMostParameters) return sum_;
    throw FileError(config.model_type, "bad_config",
                    "hidden_size: the sizes of config.json make more than 2^57 parameters");
  }

 private:
  int64_t sum_ = 0;
  bool overflowed_ = false;
};

Sum& part(Sum (&parts)[4], LayerPart which) {
  return parts[static_cast<size_t>(which)];
}

template <class NumbersOf>
int64_t cache_bytes(const ModelConfig& config, DType dtype, NumbersOf&& numbers_of) {
  int64_t numbers = 0;
  for (int64_t l = 0; l < config.num_layers; ++l) numbers += numbers_of(config.layers[l]);
  return numbers * static_cast<int64_t>(dtype_block_bytes(dtype));
}

}  // namespace

std::vector<TensorSpec> expected_tensors(const ModelConfig& config) {
  const std::vector<int64_t> table{config.vocab_size, config.hidden_size};
  std::vector<TensorSpec> tensors;
  const auto append = [&](TensorRole role, std::vector<int64_t> shape) {
    tensors.push_back({tensor_name(config, role), std::move(shape), role, -1, false, -1});
  };
  append(TensorRole::embedding, table);
  for (int64_t l = 0; l < config.num_layers; ++l) append_layer(config, l, tensors);
  append(TensorRole::final_norm, {config.hidden_size});
  if (!config.tie_word_embeddings) append(TensorRole::head, table);
  for (int64_t k = 0; k < config.num_mtp_layers; ++k) {
    append_layer(config, config.num_layers + k, tensors);
  }
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
  std::map<std::string, std::vector<int64_t>> known;
  for (const SharedCopy& copy : shared_copies(config)) {
    known[copy.name] = {config.vocab_size, config.hidden_size};
  }
  for (const TensorSpec& spec : expected_tensors(config)) {
    known.emplace(spec.name, spec.shape);
    if (tensors.count(spec.name) > 0) continue;
    const char* hint = spec.role == TensorRole::head ? " (tie_word_embeddings is false)" : "";
    report.missing.push_back(fmt::format("{} {}{}", spec.name, shape_text(spec.shape), hint));
  }
  for (const auto& [name, info] : tensors) {
    const auto it = known.find(name);
    if (it != known.end() && it->second != info.shape) {
      report.misshaped.push_back(fmt::format("{} is {}, the config makes it {}", name,
                                             shape_text(info.shape), shape_text(it->second)));
    } else if (it == known.end() && !is_derived(config, name) &&
               !(name == kScoreHeadName && is_classifier(config.raw))) {
      report.extra.push_back(fmt::format("{} {}", printable(name, 200), shape_text(info.shape)));
    }
  }
  return report;
}

void check_floating(const TensorInfo& info, const std::string& path) {
  if (is_floating(info.dtype)) return;
  throw FileError(path, "unsupported_dtype",
                  fmt::format("{} is of dtype {}, and weights are floating-point numbers; is the "
                              "checkpoint quantised? Convert it to BF16 or F32 first",
                              printable(info.name, 200), dtype_name(info.dtype)));
}

void check_tensors(const ModelConfig& config, const CheckpointSource& source) {
  const TensorReport report = compare_tensors(config, source.tensors());
  if (report.ok()) {
    for (const auto& [name, info] : source.tensors()) check_floating(info, source.path().string());
    return;
  }
  throw FileError(source.path().string(), "tensor_mismatch",
                  "the weights do not fit " + source.config_path() + ": " + report.text());
}

ParameterCount count_parameters(const ModelConfig& config) {
  ParameterCount count;
  count.embedding = config.vocab_size * config.hidden_size;
  count.head = config.tie_word_embeddings ? 0 : count.embedding;
  Sum parts[4];
  Sum active;
  Sum multiplied;
  Sum all;
  part(parts, LayerPart::norm).add(config.hidden_size);
  for (const LayerKind& kind : layer_kinds(config)) {
    for (const LayerTensor& tensor : layer_tensors(config, kind.layer)) {
      const int64_t size = tensor.num_elements();
      part(parts, part_of(tensor.role)).add(size, tensor.count, kind.count);
      active.add(size, tensor.num_used, kind.count);
      if (tensor.is_matrix()) multiplied.add(size, tensor.num_used, kind.count);
    }
  }
  Sum mtp;
  for (int64_t l = config.num_layers; l < config.num_layers + config.num_mtp_layers; ++l) {
    for (const LayerTensor& tensor : layer_tensors(config, l)) {
      mtp.add(tensor.num_elements(), tensor.count);
    }
  }
  count.attention = part(parts, LayerPart::attention).value(config);
  count.feed_forward = part(parts, LayerPart::feed_forward).value(config);
  count.norms = part(parts, LayerPart::norm).value(config);
  count.mtp = mtp.value(config);
  for (const int64_t size :
       {2 * count.embedding, count.attention, count.feed_forward, count.norms, count.mtp}) {
    all.add(size);
  }
  all.value(config);  // a sum of all of them fits, too
  count.active = count.embedding + count.head + config.hidden_size + active.value(config);
  count.multiplied = count.embedding + multiplied.value(config);
  return count;
}

int64_t kv_bytes_per_token(const ModelConfig& config, DType cache_dtype) {
  return cache_bytes(config, cache_dtype, [&](const LayerConfig& layer) {
    return layer.attention == AttentionKind::latent ? config.latent.kv_rank + config.latent.rope_dim
                                                    : 2 * config.num_kv_heads * config.head_dim;
  });
}

int64_t multi_head_kv_bytes_per_token(const ModelConfig& config, DType cache_dtype) {
  return cache_bytes(config, cache_dtype, [&](const LayerConfig& layer) {
    return config.num_heads * (layer.attention == AttentionKind::latent
                                   ? config.latent.nope_dim + config.latent.value_dim
                                   : 2 * config.head_dim);
  });
}

}  // namespace gradus::policy
